"""The HDF5 file of a saved model: plain arrays of a sane size, and nothing that points out of the file.

After CVE-2026-1669 (external links and storage read other files) and CVE-2026-0897 (a small file that
declares huge arrays).
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import h5py

from trimtab.errors import ModelError

MAX_BYTES = 4 * 1024**3
MAX_EXPANSION = 100
_MIN_BYTES = 1_000_000
_NUMBERS = "biuf"


def check(file: Path | io.BytesIO, path: str) -> bytes:
    """Checks every link and array of a file.

    Args:
        file: The file, or its content.
        path: The file it is or comes from, for messages.

    Returns:
        The model's config, which ``.h5`` models keep in an attribute; empty when there is none.

    Raises:
        ModelError: If it is damaged, links to other files or objects, or declares arrays that are too large.
    """
    try:
        with h5py.File(file, "r") as root:
            root.visititems_links(lambda name, link: _check_link(name, link, path))
            sizes: list[int] = []
            root.visititems(lambda name, item: _check_item(name, item, path, sizes))
            config = root.attrs.get("model_config", b"")
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"the HDF5 data is cut or damaged: {error}",
            path=path,
            hint="Copy it again, or save the model again with model.save(path).",
        ) from error
    return config.encode() if isinstance(config, str) else bytes(config)


def _check_link(name: str, link: Any, path: str) -> None:
    if not isinstance(link, h5py.HardLink):
        raise ModelError(f"it holds a {type(link).__name__}, which is never followed", path=path, field=name)


def _check_item(name: str, item: Any, path: str, sizes: list[int]) -> None:
    """Checks an array; ``sizes`` collects what the arrays declare, in bytes."""
    if not isinstance(item, h5py.Dataset):
        return
    if item.external or item.is_virtual:
        raise ModelError("its values are stored in another file", path=path, field=name)
    if item.dtype.kind not in _NUMBERS:
        raise ModelError(f"expected numbers, found {item.dtype}", path=path, field=name)
    declared, stored = math.prod(item.shape) * item.dtype.itemsize, item.id.get_storage_size()
    sizes.append(declared)
    if declared > max(MAX_EXPANSION * stored, _MIN_BYTES) or sum(sizes) > MAX_BYTES:
        raise ModelError(
            f"it declares {declared:,} bytes and stores {stored:,}: too large to be loaded",
            path=path,
            field=name,
        )
