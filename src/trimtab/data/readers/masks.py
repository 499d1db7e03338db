"""Labels that are masks: read, checked against their images, and put into the form of ``tasks.masks``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trimtab.config.data_limits import named
from trimtab.data.readers.attached import with_files
from trimtab.data.readers.label import label_column
from trimtab.data.readers.rewriting import Rewriting
from trimtab.data.values.values import plain
from trimtab.errors import DataError
from trimtab.tasks import several
from trimtab.tasks.masks import COLUMN, IGNORED, MOST_CLASSES, encoded

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.config.data_limits import DataLimits
    from trimtab.config.kinds.masks import Masks

_FORMATS = ("PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP")
_DAMAGED = (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, EOFError, ValueError)
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
_NAMED = "path"


class LabelMasks(Rewriting):
    """Reads as another reader does, with masks for labels.

    A mask that cannot be used stops the run: unlike a lost image, it may stand for a class that is not known.
    """

    def rewritten(self, batch: pa.RecordBatch, config: Data, source: str) -> Iterator[pa.RecordBatch]:
        """See ``Rewriting``; the column of masks is the last one."""
        assert config.masks is not None
        label = label_column(batch.schema.names, config)
        names = _names(batch, label)
        for rows in with_files(batch, (label,), source, config.limits):
            here, names = names[: rows.num_rows], names[rows.num_rows :]
            masks = [
                _mask(content, size, config, name or source, label)
                for content, size, name in zip(
                    _contents(rows, label, source), _sizes(rows, config), here, strict=True
                )
            ]
            texts = pa.array([_classes(mask, config.masks) for mask in masks], pa.string())
            rows = rows.set_column(rows.schema.get_field_index(label), label, texts)
            yield rows.append_column(COLUMN, pa.array([encoded(mask) for mask in masks], pa.binary()))


def _names(batch: pa.RecordBatch, label: str) -> list[str | None]:
    """Returns what to call the mask of each row: its path, or its image's."""
    column = plain(batch.column(label))
    if not pa.types.is_string(column.type) and _NAMED in batch.schema.names:
        column = plain(batch.column(_NAMED))
    return column.to_pylist() if pa.types.is_string(column.type) else [None] * batch.num_rows


def _contents(rows: pa.RecordBatch, label: str, source: str) -> list[bytes | None]:
    column = rows.column(label)
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        raise DataError(
            f"expected masks, as paths or contents of files, found {column.type}",
            path=source,
            field=label,
            hint="Name their column in data.label, or leave data.masks out.",
        )
    contents: list[bytes | None] = column.to_pylist()
    return contents


def _sizes(rows: pa.RecordBatch, config: Data) -> list[tuple[int, int] | None]:
    """Returns width and height of every row's image, as it is turned; None where it cannot be read."""
    found = [name for name in (*config.input_files, "image") if name in rows.schema.names]
    if not found or not pa.types.is_binary(rows.column(found[0]).type):
        return [None] * rows.num_rows
    return [_size(content) for content in rows.column(found[0]).to_pylist()]


def _size(content: bytes | None) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(content or b"")) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION) in _TURNED
            return (height, width) if turned else (width, height)
    except _DAMAGED:
        return None


def _mask(
    content: bytes | None, size: tuple[int, int] | None, config: Data, name: str, label: str
) -> NDArray[np.uint8]:
    """Returns the class of every pixel, ``(height, width)``.

    Raises:
        DataError: If there is no mask, or none that goes with its image and its classes; it names the file.
    """
    if content is None:
        raise DataError("there is no mask, or it cannot be read", path=name, field=label)
    values = _values(content, config.limits, name, label)
    if size is not None and values.shape != size[::-1]:
        mask_size = f"{values.shape[1]}x{values.shape[0]}"
        raise DataError(
            f"the mask has {mask_size} pixels, its image {size[0]}x{size[1]}",
            path=name,
            field=label,
            hint="A mask has a pixel for each of its image's: write it in the image's size.",
        )
    assert config.masks is not None
    return _as_classes(values, config.masks, name, label)


def _values(content: bytes, limits: DataLimits, name: str, label: str) -> NDArray[np.int64]:
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > limits.image_pixels:
                size = f"{image.width}x{image.height} pixels"
                raise ValueError(f"{size} are more than {named('image_pixels')}: {limits.image_pixels:,}")
            image.load()
            values = np.asarray(image).astype(np.int64)
    except _DAMAGED as error:
        why = "it is of no known format" if isinstance(error, UnidentifiedImageError) else error
        raise DataError(
            f"no readable mask: {why}",
            path=name,
            field=label,
            hint=f"Masks are read from {', '.join(_FORMATS)}: JPEG changes classes at their edges.",
        ) from None
    if values.ndim == 3 and bool((values[..., :1] == values[..., :3]).all()):
        values = values[..., 0]
    if values.ndim != 2:
        raise DataError(
            "expected a mask of one channel, whose values are classes; found colours",
            path=name,
            field=label,
            hint="Write it with a palette, or as grey: the number of each pixel's class.",
        )
    return values


def _as_classes(values: NDArray[np.int64], masks: Masks, name: str, label: str) -> NDArray[np.uint8]:
    ignored = values == masks.ignore if masks.ignore is not None and not masks.binary else np.zeros(1, bool)
    values = np.where(values > 0, 1, 0) if masks.binary else values
    count = 2 if masks.binary else len(masks.classes) if masks.classes else MOST_CLASSES
    beyond = values[~ignored & ((values < 0) | (values >= count))] if values.size else values
    if beyond.size:
        least, most = int(beyond.min()), int(beyond.max())
        found = f"{least}" if least == most else f"{least} to {most}"
        raise DataError(
            f"expected values from 0 to {count - 1}, found {found}",
            path=name,
            field=label,
            hint="data.masks says which values are classes (classes), which is none (ignore), and whether "
            "every one but 0 is the second class (binary).",
        )
    return np.where(ignored, IGNORED, values).astype(np.uint8)


def _classes(mask: NDArray[Any], masks: Masks) -> str:
    there = (int(value) for value in np.unique(mask) if value != IGNORED)
    names = masks.classes or (("0", "1") if masks.binary else None)
    return several.joined(names[value] if names else str(value) for value in there)
