"""Encoded files for the tests of this room."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from PIL import Image


@pytest.fixture
def make_png() -> Callable[..., bytes]:
    """Encodes an image of one colour."""

    def png(value: int, size: tuple[int, int] = (5, 4), mode: str = "L") -> bytes:
        stream = io.BytesIO()
        Image.new(mode, size, value).save(stream, "png")
        return stream.getvalue()

    return png


@pytest.fixture
def make_wav() -> Callable[..., bytes]:
    """Encodes a tone."""

    def wav(seconds: float, rate: int = 8000, subtype: str = "PCM_16", channels: int = 1) -> bytes:
        samples = np.sin(np.arange(int(seconds * rate)) / 7)[:, None].repeat(channels, 1) / 2
        stream = io.BytesIO()
        soundfile.write(stream, samples, rate, format="WAV", subtype=subtype)
        return stream.getvalue()

    return wav
