"""Log-mel spectrograms of clips.

The spectrogram belongs to preprocessing, not to the model: LiteRT has no FFT among its built-in operators and
TFMOT's quantization-aware training refuses the layers it would take, so that a model with its own front end
could be neither quantized nor served by the plain runtime. Here one numpy implementation makes the shards and
serves, and a unit test compares it with a plain definition of the transform.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt
import soundfile

from trimtab.config.data_limits import DEFAULT, DataLimits, named

# A damaged header can claim any of these, and memory would be taken for it. No recorder goes beyond.
MAX_RATE_HZ, MAX_CHANNELS = 384_000, 32
# Each may be allowed, and all of them be 29 GB: a FLAC of 200 kB can hold a minute of such silence.
LIMITS = ("clip_seconds", "clip_samples")
_RANGE_DB = 80.0
_LOWEST_HZ = 20.0
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MelSettings:
    """How clips become spectrograms.

    Attributes:
        sample_rate_hz: Rate that clips are resampled to.
        samples: Samples that clips are cut or zero-padded to.
        frame: Samples of the analysis window.
        hop: Samples between windows.
        mel_bins: Bands of the mel scale, from 20 Hz to half the sample rate.
    """

    sample_rate_hz: int
    samples: int
    frame: int
    hop: int
    mel_bins: int

    @property
    def frames(self) -> int:
        """Returns the number of windows of a clip; clips shorter than a window are padded to one."""
        return 1 + max(0, self.samples - self.frame) // self.hop


def decode(content: bytes, settings: MelSettings, limits: DataLimits = DEFAULT) -> Floats:
    """Returns the log-mel spectrogram of an encoded clip, ``(frames, mel_bins, 1)``, in -1..1.

    Args:
        content: The content of a file that libsndfile reads, such as WAV, FLAC or OGG.
        settings: Rate, length and resolution.
        limits: How long it may be.

    Raises:
        ValueError: If it is no such file, if it is damaged, or beyond a limit.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate = int(file.samplerate)
            _check_size(file, limits)
            clip = file.read(dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        # libsndfile's own words: the error's text begins with the address of the buffer.
        why = error.error_string if isinstance(error, soundfile.LibsndfileError) else error
        raise ValueError(f"no readable clip: {why}") from error
    if not len(clip) or not np.isfinite(clip).all():
        raise ValueError("an empty clip, or samples that are not numbers")
    if rate != settings.sample_rate_hz:
        clip = _resampled(clip, rate, settings.sample_rate_hz)
    return log_mel(clip, settings)


def _check_size(file: soundfile.SoundFile, limits: DataLimits) -> None:
    seconds, rate = file.frames / file.samplerate, int(file.samplerate)
    told = f"{seconds:,.0f} s of {file.channels} channels at {rate:,} Hz are too much"
    if seconds > limits.clip_seconds:
        raise ValueError(f"{told}: {named('clip_seconds')} is {limits.clip_seconds:g}")
    if file.frames * file.channels > limits.clip_samples:
        raise ValueError(f"{told}: {named('clip_samples')} is {limits.clip_samples:,}")
    if rate > MAX_RATE_HZ or file.channels > MAX_CHANNELS:
        raise ValueError(told)


def _resampled(clip: Floats, rate: int, wanted: int) -> Floats:
    from scipy.signal import resample_poly  # costs a second that no other data should pay

    common = gcd(rate, wanted)
    resampled: Floats = resample_poly(clip, wanted // common, rate // common)
    return resampled


def log_mel(clip: Floats, settings: MelSettings) -> Floats:
    """Returns the log-mel spectrogram of a clip, ``(frames, mel_bins, 1)``, in -1..1.

    Power spectra of Hann windows, summed in triangular bands that are equally wide on the mel scale (Slaney's
    triangles on O'Shaughnessy's scale, 2595 log10(1 + f / 700)), in decibels below the clip's loudest
    point. The upper 80 dB are mapped to -1..1, which makes the result independent of the recording's level.

    Args:
        clip: Mono samples at the settings' rate, ``(n,)``.
        settings: Length and resolution.
    """
    length = max(settings.samples, settings.frame)
    padded = np.zeros(length, np.float32)
    samples = clip[: settings.samples]
    padded[: len(samples)] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, settings.frame)[:: settings.hop]
    spectra = np.fft.rfft(windows * _window(settings.frame), _fft_size(settings.frame))
    mels = (np.abs(spectra) ** 2) @ _filters(settings)
    loudest = max(float(mels.max()), 1e-10)
    decibels = 10 * np.log10(np.maximum(mels / loudest, 10 ** (-_RANGE_DB / 10)))
    result: Floats = np.clip(decibels / (_RANGE_DB / 2) + 1, -1, 1).astype(np.float32)[:, :, None]
    return result


@lru_cache(maxsize=8)
def _window(frame: int) -> Floats:
    return np.hanning(frame).astype(np.float32)


def _fft_size(frame: int) -> int:
    return 1 << (frame - 1).bit_length()


@lru_cache(maxsize=8)
def _filters(settings: MelSettings) -> Floats:
    """Returns the weights of every frequency in every band, ``(frequencies, mel_bins)``."""
    frequencies = np.fft.rfftfreq(_fft_size(settings.frame), 1 / settings.sample_rate_hz)
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(settings.sample_rate_hz / 2), settings.mel_bins + 2)
    hertz = 700 * (10 ** (edges / 2595) - 1)
    # A band narrower than the distance of two frequencies would catch none of them and always be silent.
    distance, centre = frequencies[1], hertz[1:-1]
    rise = np.maximum(centre - hertz[:-2], distance)
    fall = np.maximum(hertz[2:] - centre, distance)
    offsets = frequencies[:, None] - centre
    heights = np.minimum(1 + offsets / rise, 1 - offsets / fall)
    weights: Floats = np.maximum(0, heights).astype(np.float32)
    return weights


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
