"""Encoded images as pixels of one size."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, ImageOps, ImageStat, UnidentifiedImageError

from trimtab.config.data_limits import DEFAULT, DataLimits, named
from trimtab.data.encoders.form import PIXELS, RANGE, line, other_ranges, range_of
from trimtab.data.kinds.base import Encoded, InputKind, Setting, encode_files
from trimtab.data.readers.image_folder import HAS_HEIF, IMAGE_ENDINGS
from trimtab.data.schema import TensorSpec
from trimtab.data.statistics.distributions import Distribution, categories, histogram, most_frequent
from trimtab.data.statistics.media import FileKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary

FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "WEBP",
    "TIFF",
    "PPM",
    "AVIF",
    "JPEG2000",
    *(("HEIF",) if HAS_HEIF else ()),
)

# A small file can claim to hold a huge image ("decompression bomb"): the header is checked before anything is
# decoded, against a limit of one's choice. Pillow's own is a constant.
Image.MAX_IMAGE_PIXELS = None
_LIMIT, _ALPHA = "image_pixels", "only_alpha"
MIN_SIDE, MAX_SIDE = 4, 1024
_SHOWN, _DRAFT_PIXELS = 5, 16
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_JPEG, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
# Pillow's decoders raise these on damaged files; SyntaxError is what its PNG parser uses.
_DAMAGED = (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, EOFError)
_STRIP_PIXELS = 1 << 20
_LOOKED_AT_SIDE, _BLACK, _OPAQUE, _SIXTEEN_BITS = 128, 24, 255, 65_535
if HAS_HEIF:
    import_module("pillow_heif").register_heif_opener()
_GREY_MODES = frozenset(["1", "L", "LA", "I", "I;16", "I;16L", "I;16B", "F"])


def decode(
    content: bytes, height: int, width: int, channels: int, most_pixels: int = DEFAULT.image_pixels
) -> npt.NDArray[np.uint8]:
    """Returns the pixels of an encoded image, ``(height, width, channels)``.

    The image is turned the way its EXIF orientation says, put on black where it is transparent (on white
    where all that is visible is as good as black), made grey or RGB, and resized bilinearly (with Pillow's
    antialiasing when it shrinks). Floats from 0 to 1 are scaled by 255, those beyond 255 by 1 / 257.

    Args:
        content: The file's content, in one of ``FORMATS``.
        height: Rows of the result.
        width: Columns of the result.
        channels: 1 for grey, 3 for RGB.
        most_pixels: How many the file may hold.

    Raises:
        ValueError: If it is no such image, if it is damaged, or if it is too large to be decoded safely.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise ValueError(
                    f"{image.width}x{image.height} pixels are more than {named(_LIMIT)}, {most_pixels:,}"
                )
            mode, longest = "L" if channels == 1 else "RGB", max(height, width)
            image.draft(mode, (longest, longest))
            ImageOps.exif_transpose(image, in_place=True)
            pixels = _flat(image, mode)
            if pixels.size != (width, height):
                pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    except _DAMAGED as error:
        # Pillow names the buffer's address where it knows no format.
        why = "it is of no known format" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"no readable image: {why}") from error
    return np.asarray(pixels, np.uint8).reshape(height, width, channels)


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Returns an image without transparency, in a mode; a strip at a time, as each step copies what it gets.

    As a whole a picture of 64 megapixels took 1.7 GB, and a file of 130 kB can hold one.
    """
    if image.mode == "F":
        image = _of_floats(image)
    background = _background(image)
    rows = max(1, _STRIP_PIXELS // image.width)
    if image.height <= rows or image.mode == mode:
        return _flat_strip(image, mode, background)
    flat = Image.new(mode, image.size)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        flat.paste(_flat_strip(strip, mode, background), (0, top))
    return flat


def _flat_strip(image: Image.Image, mode: str, background: int) -> Image.Image:
    image = _with_alpha(image)
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, (background, background, background, 255))
        image = Image.alpha_composite(ground, image)
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    return image.convert(mode)


def _with_alpha(image: Image.Image) -> Image.Image:
    """Returns an image that may be transparent as RGBA, and a palette without transparency as RGB."""
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.convert("RGBA") if image.mode in ("LA", "PA", "La", "RGBa") else image


def _background(image: Image.Image) -> int:
    """Returns the grey level to put what is visible on: white where it would vanish on black."""
    if image.mode not in ("LA", "RGBA", "PA", "La", "RGBa") and "transparency" not in image.info:
        return 0
    size = min(image.width, _LOOKED_AT_SIDE), min(image.height, _LOOKED_AT_SIDE)
    looked_at = _with_alpha(image.resize(size, Image.Resampling.NEAREST))
    if looked_at.mode != "RGBA":
        return 0
    pixels = np.asarray(looked_at)
    visible = pixels[pixels[..., 3] > 0, :3]
    see_through = bool((pixels[..., 3] < _OPAQUE).any())
    return 255 if see_through and len(visible) and int(visible.max()) < _BLACK else 0


def _of_floats(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not 0 <= low <= high <= _SIXTEEN_BITS:
        raise ValueError(f"floats from {low:g} to {high:g}; expected 0 to 1, 0 to 255 or 0 to 65,535")
    scale = 255.0 if high <= 1 else 1.0 if high <= PIXELS[1] else 1 / 257
    return Image.fromarray(np.rint(values * scale).astype(np.uint8))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Returns a 16-bit grey image in 8 bits; Pillow's own conversion would cut every value off at 255."""
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(np.clip(values >> 8, 0, 255).astype(np.uint8))


def fit(
    columns: Sequence[Column], summary: Summary, config: Data, input_range: InputRange = "standardized"
) -> dict[str, Any]:
    """Returns the settings of an ``ImageEncoder``: what the config says, else what most training images are.

    Args:
        columns: The column.
        summary: The summary of the training split.
        config: The config's data section.
        input_range: What black and white become; ``raw`` are 0 and 255.
    """
    (column,), wanted = columns, config.image
    media = summary.columns[column.name].media
    sizes, modes = media.counts("image", "sizes"), media.counts("image", "modes")
    common = next(iter(most_frequent(sizes, 1)), "32x32")
    height, width = (int(side) for side in common.split("x"))
    shrink = max(1.0, height / MAX_SIDE, width / MAX_SIDE)
    grey = bool(modes) and set(modes) <= _GREY_MODES
    limits = PIXELS if input_range == "raw" else input_range
    return {
        "kind": "image",
        "column": column.name,
        "height": wanted.height or max(MIN_SIDE, round(height / shrink)),
        "width": wanted.width or max(MIN_SIDE, round(width / shrink)),
        "channels": wanted.channels or (1 if grey else 3),
        **({RANGE: list(limits)} if isinstance(limits, tuple) else {}),
        **{name: value for name, value in config.limits.changed.items() if name == _LIMIT},
    }


class ImageEncoder:
    """Turns a column of encoded images into pixels of one size."""

    vocabulary_size = None

    def __init__(self, settings: dict[str, Any]) -> None:
        self._column = str(settings["column"])
        self._shape = (int(settings["height"]), int(settings["width"]), int(settings["channels"]))
        self._most_pixels = int(settings.get(_LIMIT, DEFAULT.image_pixels))
        scaling = line(PIXELS, range_of(settings))
        self.spec = TensorSpec(kind="image", shape=self._shape, stored_dtype="uint8", **scaling)

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``."""
        return encode_files(
            batch.column(self._column),
            self.spec,
            lambda content: decode(content, *self._shape, self._most_pixels),
        )


def _look(content: bytes, limits: DataLimits = DEFAULT) -> dict[str, str] | None:
    """Returns what an image that seems whole counts as: its header is read and its end is there."""
    if content.startswith(_PNG) and _PNG_END not in content[-64:]:
        return None
    if content.startswith(_JPEG) and _JPEG_END not in content[-4096:]:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > limits.image_pixels:
                return None
            return {"sizes": f"{image.height}x{image.width}", "modes": image.mode}
    except (*_DAMAGED, ValueError):
        return None


def _pixels(content: bytes) -> int:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.width * image.height
    except (*_DAMAGED, ValueError):
        return 0


def _brightness(content: bytes) -> int | None:
    """Returns the mean grey level of an image, 0 to 255, or None where it turns out to be damaged."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            image.draft("L", (_DRAFT_PIXELS, _DRAFT_PIXELS))
            return round(ImageStat.Stat(_flat(image, "L")).mean[0])
    except (*_DAMAGED, ValueError):
        return None


def _only_alpha(content: bytes) -> int | None:
    """Returns 1 for an image all of whose content is in its transparency; None for any other."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return 1 if _background(image) else None
    except (*_DAMAGED, ValueError):
        return None


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    media = summary.columns[column.name].media
    shown = {name: most_frequent(media.counts("image", name), _SHOWN) for name in ("sizes", "modes")}
    return {"missing": media.unreadable, **shown}


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    media, rows = summary.columns[column.name].media, summary.rows
    brightness = media.counts("image", "brightness")
    return {
        "height x width": categories(
            most_frequent(media.counts("image", "sizes")), rows, rows - media.files("image")
        ),
        "brightness": histogram(brightness, sum(brightness.values())),
    }


INPUT = InputKind(
    fit,
    ImageEncoder,
    _brief,
    _distributions,
    files=FileKind(
        IMAGE_ENDINGS,
        "image/",
        _look,
        {"brightness": _brightness, _ALPHA: _only_alpha},
        _pixels,
        (_LIMIT,),
        {
            _ALPHA: "what most images show is in their transparency alone, and all else is black: "
            "they are put on white"
        },
    ),
    settings={
        "height": Setting("image.height", "pixels"),
        "width": Setting("image.width", "pixels"),
        "channels": Setting("image.channels"),
    },
    raw=PIXELS,
    has_limits=True,
    other_ranges=other_ranges,
    is_pixels=True,
)
