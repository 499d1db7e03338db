"""Clips as log-mel spectrograms."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import soundfile

from trimtab.config.data_limits import DEFAULT, DataLimits
from trimtab.data.encoders.form import RANGE, STANDARDIZED, line, other_ranges, range_of
from trimtab.data.encoders.mel import LIMITS, MelSettings, decode
from trimtab.data.kinds.base import Encoded, InputKind, Setting, encode_files
from trimtab.data.readers.wav_folder import WAV_ENDINGS
from trimtab.data.schema import TensorSpec
from trimtab.data.statistics.distributions import Distribution, categories, histogram, most_frequent
from trimtab.data.statistics.media import FileKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary

MAX_CLIP_SECONDS = 60.0
DURATION_STEPS_PER_S = 100
_PERCENTILE = 0.95
_SHOWN = 5
_MOST_FRAMES, _SILENCE = 1 << 24, 1e-12
_SOUND = ((0, b"RIFF"), (0, b"fLaC"), (0, b"OggS"), (0, b"FORM"))


def fit(
    columns: Sequence[Column], summary: Summary, config: Data, input_range: InputRange = "standardized"
) -> dict[str, Any]:
    """Returns the settings of an ``AudioEncoder``: what the config says, else what most training clips are.

    Args:
        columns: The column.
        summary: The summary of the training split.
        config: The config's data section.
        input_range: What silence and the loudest point become; a spectrogram has no other ``raw`` form.
    """
    (column,), wanted = columns, config.audio
    media = summary.columns[column.name].media
    common = next(iter(most_frequent(media.counts("audio", "rates"), 1)), "16000")
    rate = wanted.sample_rate_hz or int(common)
    durations = media.counts("audio", "durations")
    seconds = wanted.duration_s or min(_long_clip_seconds(durations), MAX_CLIP_SECONDS)
    return {
        "kind": "audio",
        "column": column.name,
        "sample_rate_hz": rate,
        "samples": max(1, round(seconds * rate)),
        "frame": max(2, round(wanted.frame_ms * rate / 1000)),
        "hop": max(1, round(wanted.hop_ms * rate / 1000)),
        "mel_bins": wanted.mel_bins,
        **({RANGE: list(input_range)} if isinstance(input_range, tuple) else {}),
        **{name: value for name, value in config.limits.changed.items() if name in LIMITS},
    }


def _long_clip_seconds(durations: dict[str, int]) -> float:
    """Returns the 95th percentile of the lengths of clips."""
    wanted, seen = math.ceil(_PERCENTILE * sum(durations.values())), 0
    for units in sorted(map(int, durations)):
        seen += durations[str(units)]
        if seen >= wanted:
            return units / DURATION_STEPS_PER_S
    return 1.0


class AudioEncoder:
    """Turns a column of encoded clips into log-mel spectrograms."""

    vocabulary_size = None

    def __init__(self, settings: dict[str, Any]) -> None:
        names = ("sample_rate_hz", "samples", "frame", "hop", "mel_bins")
        self._settings = MelSettings(**{name: int(settings[name]) for name in names})
        self._limits = DataLimits(**{name: settings[name] for name in LIMITS if name in settings})
        self._column = str(settings["column"])
        shape = (self._settings.frames, self._settings.mel_bins, 1)
        scaling = line(STANDARDIZED, range_of(settings))
        self.spec = TensorSpec(kind="audio", shape=shape, stored_dtype="float32", **scaling)

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``."""
        return encode_files(
            batch.column(self._column),
            self.spec,
            lambda content: decode(content, self._settings, self._limits),
        )


def _look(content: bytes, limits: DataLimits = DEFAULT) -> dict[str, str] | None:
    """Returns what a clip counts as: its rate in Hz and its duration in steps of 10 ms, rounded up."""
    if content[8:12] == b"WEBP" or not any(content.startswith(magic, place) for place, magic in _SOUND):
        return None
    try:
        header = soundfile.info(io.BytesIO(content))
    except (soundfile.LibsndfileError, RuntimeError):
        return None
    if not header.frames or header.frames > limits.clip_seconds * header.samplerate:
        return None
    steps = math.ceil(header.frames / header.samplerate * DURATION_STEPS_PER_S)
    return {"rates": str(int(header.samplerate)), "durations": str(steps)}


def _samples(content: bytes) -> int:
    try:
        header = soundfile.info(io.BytesIO(content))
    except (soundfile.LibsndfileError, RuntimeError):
        return 0
    return int(header.frames * header.channels)


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


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    media = summary.columns[column.name].media
    return {"missing": media.unreadable, "rates": most_frequent(media.counts("audio", "rates"), _SHOWN)}


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    media, rows = summary.columns[column.name].media, summary.rows
    rates, durations, loudness = (media.counts("audio", name) for name in ("rates", "durations", "loudness"))
    return {
        "sample rate in Hz": categories(most_frequent(rates), rows, rows - media.files("audio")),
        "duration in s": histogram(durations, rows, 1 / DURATION_STEPS_PER_S),
        "loudness in dB": histogram(loudness, sum(loudness.values())),
    }


INPUT = InputKind(
    fit,
    AudioEncoder,
    _brief,
    _distributions,
    files=FileKind(WAV_ENDINGS, "audio/", _look, {"loudness": _loudness_db}, _samples, LIMITS),
    settings={
        "sample_rate_hz": Setting("audio.sample_rate_hz"),
        "samples": Setting("audio.duration_s", "samples"),
        "frame": Setting("audio.frame_ms", "samples"),
        "hop": Setting("audio.hop_ms", "samples"),
        "mel_bins": Setting("audio.mel_bins"),
    },
    has_limits=True,
    other_ranges=other_ranges,
)
