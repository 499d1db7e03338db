"""Encoded images and sound clips, known by their headers alone."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import soundfile
from PIL import Image, ImageStat, UnidentifiedImageError

from trimtab.data.values.images import FORMATS, MAX_PIXELS

DURATION_STEPS_PER_S = 100
_MAX_NAMED = 10
_LOOKED_AT, _DRAFT_PIXELS = 4, 16
_MOST_FRAMES, _SILENCE = 1 << 24, 1e-12
_SOUND = ((0, b"RIFF"), (0, b"fLaC"), (0, b"OggS"), (0, b"FORM"))
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_JPEG, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


@dataclass
class MediaSummary:
    """Encoded files of one column.

    Attributes:
        images: Readable images.
        clips: Readable clips.
        sizes: Images by ``HxW`` in pixels.
        modes: Images by Pillow's mode, such as ``L``, ``RGB``, ``RGBA``.
        rates: Clips by sample rate in Hz.
        durations: Clips by duration in steps of 10 ms, rounded up.
        brightness: One image in four, chosen by its content, by mean grey level, 0 to 255.
        loudness: One clip in four, chosen by its content, by root mean square in dB of full scale.
        unreadable: Files that are neither.
        unreadable_items: The first few of them: (row among the summarized ones, name or an empty string).
    """

    images: int = 0
    clips: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    rates: dict[str, int] = field(default_factory=dict)
    durations: dict[str, int] = field(default_factory=dict)
    brightness: dict[str, int] = field(default_factory=dict)
    loudness: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0
    unreadable_items: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, content: bytes | None, name: str) -> None:
        """Counts one encoded file."""
        if content and _is_sound(content):
            found = _clip(content)
            if found is not None:
                rate, seconds = found
                self.clips += 1
                _count(self.rates, str(rate))
                _count(self.durations, str(math.ceil(seconds * DURATION_STEPS_PER_S)))
                self._look(self.loudness, content, _loudness_db)
                return
        elif content:
            header = _image(content)
            if header is not None:
                self.images += 1
                _count(self.sizes, f"{header[1]}x{header[0]}")
                _count(self.modes, header[2])
                self._look(self.brightness, content, _brightness)
                return
        self.unreadable += 1
        if len(self.unreadable_items) < _MAX_NAMED:
            self.unreadable_items.append((row, name))

    def _look(self, counts: dict[str, int], content: bytes, measure: Callable[[bytes], int | None]) -> None:
        """Counts what decoding shows, for a part of the files only: it costs as much as encoding them."""
        if zlib.crc32(content) % _LOOKED_AT == 0:
            value = measure(content)
            if value is not None:
                _count(counts, str(value))

    def merge(self, other: MediaSummary, rows: int) -> MediaSummary:
        """Returns the summary of both.

        Args:
            other: The summary of the rows that follow.
            rows: How many rows this summary is of.
        """
        later = [(row + rows, name) for row, name in other.unreadable_items]
        return MediaSummary(
            self.images + other.images,
            self.clips + other.clips,
            _sum(self.sizes, other.sizes),
            _sum(self.modes, other.modes),
            _sum(self.rates, other.rates),
            _sum(self.durations, other.durations),
            _sum(self.brightness, other.brightness),
            _sum(self.loudness, other.loudness),
            self.unreadable + other.unreadable,
            (self.unreadable_items + later)[:_MAX_NAMED],
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MediaSummary:
        """Returns the summary whose fields ``dataclasses.asdict`` gave."""
        items = [(int(row), str(name)) for row, name in values["unreadable_items"]]
        return cls(**{**values, "unreadable_items": items})


def kind_of(media: MediaSummary) -> Literal["image", "audio"]:
    """Returns what most files are."""
    return "audio" if media.clips > media.images else "image"


def _count(counts: dict[str, int], value: str) -> None:
    counts[value] = counts.get(value, 0) + 1


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    merged = dict(one)
    for value, count in other.items():
        merged[value] = merged.get(value, 0) + count
    return merged


def _is_sound(content: bytes) -> bool:
    return any(content.startswith(magic, place) for place, magic in _SOUND) and content[8:12] != b"WEBP"


def _clip(content: bytes) -> tuple[int, float] | None:
    try:
        found = soundfile.info(io.BytesIO(content))
    except (soundfile.LibsndfileError, RuntimeError):
        return None
    return (int(found.samplerate), found.frames / found.samplerate) if found.frames else None


def _image(content: bytes) -> tuple[int, int, str] | None:
    """Returns (width, height, mode) of an image that seems whole: its header is read and its end is there."""
    if content.startswith(_PNG) and _PNG_END not in content[-64:]:
        return None
    if content.startswith(_JPEG) and _JPEG_END not in content[-4096:]:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            return image.width, image.height, image.mode
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError):
        return None


def _brightness(content: bytes) -> int | None:
    """Returns the mean grey level of an image, or None where it turns out to be damaged."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            image.draft("L", (_DRAFT_PIXELS, _DRAFT_PIXELS))
            return round(ImageStat.Stat(image.convert("L")).mean[0])
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError):
        return None


def _loudness_db(content: bytes) -> int | None:
    """Returns the root mean square of a clip in dB of full scale, or None where it is damaged or too long."""
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.frames > _MOST_FRAMES:
                return None
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError):
        return None
    power = float(np.square(samples, dtype=np.float64).mean())
    return round(10 * math.log10(max(power, _SILENCE))) if math.isfinite(power) else None
