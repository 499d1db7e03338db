"""The HDF5 file of a saved model: plain arrays of a sane size, and nothing that points out of the file.

After CVE-2026-1669 (external links and storage read other files) and CVE-2026-0897 (a small file that
declares huge arrays).
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from trimtab.errors import ModelError
from trimtab.models.inspect_config import BUILDER

MAX_BYTES = 4 * 1024**3
MAX_EXPANSION = 100
MAX_DEPTH, MAX_ITEMS = 100, 20_000
_MIN_BYTES = 1_000_000
_HONEST_EXPANSION = 4
"""What weights are compressed by at most, unless most of them are zeros."""
_NUMBERS = "biuf"


@dataclass(frozen=True)
class Found:
    """What a file holds.

    Attributes:
        config: The model's config, which ``.h5`` models keep in an attribute; empty where there is none.
        version: Of the Keras that wrote it, likewise.
        numbers: How many numbers all arrays hold.
    """

    config: bytes
    version: str
    numbers: int


def check(file: Path | io.BytesIO, path: str, most_bytes: int = MAX_BYTES) -> Found:
    """Checks every link and array of a file.

    Args:
        file: The file, or its content.
        path: The file it is or comes from, for messages.
        most_bytes: What all arrays may come to, where they are stored in less than a quarter of it.

    Returns:
        What it holds.

    Raises:
        ModelError: If it is damaged, links to other files or objects, or declares arrays that are too large.
    """
    try:
        with h5py.File(file, "r") as root:
            numbers = _check_items(root, path, most_bytes)
            config, version = _text(root, "model_config"), _text(root, "keras_version").decode()
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"the HDF5 data is cut or damaged: {error}",
            path=path,
            hint="Copy it again, or save the model again with model.save(path).",
        ) from error
    return Found(config, version, numbers)


def _text(root: Any, attribute: str) -> bytes:
    value = root.attrs.get(attribute, b"")
    return value.encode() if isinstance(value, str) else bytes(value)


def _check_items(root: Any, path: str, most_bytes: int) -> int:
    """Checks every link and array, and returns the numbers that all arrays hold.

    HDF5's own visitors take hours for groups in groups, and links may lead back.
    """
    pending: list[tuple[str, Any, int]] = [("", root, 0)]
    total, stored, numbers, seen = 0, 0, 0, 0
    while pending:
        place, group, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ModelError(
                f"its groups are nested more than {MAX_DEPTH} deep",
                path=path,
                field=place[:80],
                hint=BUILDER,
            )
        for key in group:
            name, seen = f"{place}/{key}".lstrip("/"), seen + 1
            if seen > MAX_ITEMS:
                raise ModelError(
                    f"it holds more than {MAX_ITEMS:,} groups and arrays", path=path, hint=BUILDER
                )
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                what = type(link).__name__
                raise ModelError(f"it holds a {what}, which is never followed", path=path, field=name)
            item = group[key]
            if isinstance(item, h5py.Dataset):
                total += _check_array(name, item, path)
                stored += item.id.get_storage_size()
                numbers += math.prod(item.shape)
            elif isinstance(item, h5py.Group):
                pending.append((name, item, depth + 1))
    if total > MAX_BYTES:
        raise ModelError(
            f"its arrays declare {total:,} bytes: too large to be loaded, at most {MAX_BYTES:,} are",
            path=path,
            hint=BUILDER,
        )
    if total > max(most_bytes, _HONEST_EXPANSION * stored):
        raise ModelError(
            f"its arrays are stored in {stored >> 20:,} MB and come to {total >> 20:,} MB once they are read",
            path=path,
            field="model.limits.weights_mb",
            hint="Raise it if you trust the file.",
        )
    return numbers


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
            hint="Save the model again with model.save(path), which stores weights as they are.",
        )
    return declared
