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


def check(file: Path | io.BytesIO, path: str) -> tuple[bytes, str]:
    """Checks every link and array of a file.

    Args:
        file: The file, or its content.
        path: The file it is or comes from, for messages.

    Returns:
        The model's config, and the version of Keras that wrote it, which ``.h5`` models keep in attributes;
        both are empty when there are none.

    Raises:
        ModelError: If it is damaged, links to other files or objects, or declares arrays that are too large.
    """
    try:
        with h5py.File(file, "r") as root:
            _check_links(root, path)
            _check_arrays(root, path)
            config, version = _text(root, "model_config"), _text(root, "keras_version").decode()
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"the HDF5 data is cut or damaged: {error}",
            path=path,
            hint="Copy it again, or save the model again with model.save(path).",
        ) from error
    return config, version


def _text(root: Any, attribute: str) -> bytes:
    value = root.attrs.get(attribute, b"")
    return value.encode() if isinstance(value, str) else bytes(value)


def _check_links(root: Any, path: str) -> None:
    links: list[tuple[str, Any]] = []  # an exception cannot leave the callback
    root.visititems_links(lambda name, link: links.append((name, link)))
    for name, link in links:
        if not isinstance(link, h5py.HardLink):
            raise ModelError(
                f"it holds a {type(link).__name__}, which is never followed", path=path, field=name
            )


def _check_arrays(root: Any, path: str) -> None:
    items: list[tuple[str, Any]] = []
    root.visititems(lambda name, item: items.append((name, item)))
    total = 0
    for name, item in items:
        if isinstance(item, h5py.Dataset):
            total += _check_array(name, item, path)
    if total > MAX_BYTES:
        raise ModelError(f"its arrays declare {total:,} bytes: too large to be loaded", path=path)


def _check_array(name: str, array: Any, path: str) -> int:
    """Returns the bytes that an array takes when it is read."""
    if array.external or array.is_virtual:
        raise ModelError("its values are stored in another file", path=path, field=name)
    if array.dtype.kind not in _NUMBERS:
        raise ModelError(f"expected numbers, found {array.dtype}", path=path, field=name)
    declared: int = math.prod(array.shape) * array.dtype.itemsize
    stored = array.id.get_storage_size()
    if declared > max(MAX_EXPANSION * stored, _MIN_BYTES) or declared > MAX_BYTES:
        raise ModelError(
            f"it declares {declared:,} bytes and stores {stored:,}: too large to be loaded",
            path=path,
            field=name,
        )
    return declared
