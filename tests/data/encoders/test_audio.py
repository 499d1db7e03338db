import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from trimtab.config.data import Data
from trimtab.config.data_limits import DataLimits
from trimtab.config.kinds.audio import Audio
from trimtab.data.encoders import audio, mel
from trimtab.data.encoders.mel import MelSettings
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary

SETTINGS = MelSettings(sample_rate_hz=8000, samples=8000, frame=320, hop=160, mel_bins=40)


def _tone(hertz: float, seconds: float = 1.0, rate: int = 8000, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def _encoded(clip: np.ndarray, rate: int = 8000, kind: str = "WAV", **more: Any) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, clip, rate, format=kind, **more)
    return stream.getvalue()


def test_it_is_the_plain_definition() -> None:
    clip = np.random.default_rng(0).normal(scale=0.1, size=8000).astype(np.float32)
    found = mel.log_mel(clip, SETTINGS)[:, :, 0]
    assert found.shape == (SETTINGS.frames, 40) == (49, 40)
    power = np.zeros((49, 257))
    for frame in range(49):
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(320) / 319)
        samples = clip[frame * 160 : frame * 160 + 320] * window
        for bin_ in range(257):
            power[frame, bin_] = abs((samples * np.exp(-2j * np.pi * bin_ * np.arange(320) / 512)).sum()) ** 2
    low, high = (2595 * np.log10(1 + f / 700) for f in (20, 4000))
    edges = 700 * (10 ** (np.linspace(low, high, 42) / 2595) - 1)
    mels = np.zeros((49, 40))
    for band in range(40):
        left, centre, right = edges[band : band + 3]
        for bin_ in range(257):
            hertz = bin_ * 8000 / 512
            weight = min((hertz - left) / (centre - left), (right - hertz) / (right - centre))
            mels[:, band] += max(0.0, weight) * power[:, bin_]
    decibels = np.maximum(10 * np.log10(mels / mels.max()), -80)
    np.testing.assert_allclose(found, decibels / 40 + 1, atol=1e-3)


def test_a_tone_is_a_line_whatever_its_level() -> None:
    loud, quiet = (mel.decode(_encoded(_tone(1000, level=level)), SETTINGS) for level in (0.9, 0.05))
    assert len(set(loud[:, :, 0].argmax(axis=1))) == 1
    assert (loud.min(), loud.max()) == (pytest.approx(-1, abs=0.3), pytest.approx(1, abs=1e-5))
    np.testing.assert_allclose(loud[:, 12:20], quiet[:, 12:20], atol=0.05)
    lower = mel.decode(_encoded(_tone(300)), SETTINGS)
    assert lower[20, :, 0].argmax() < loud[20, :, 0].argmax()


def test_other_rates_stereo_and_formats_give_the_same() -> None:
    plain = mel.decode(_encoded(_tone(700)), SETTINGS)
    stereo = np.stack([_tone(700, rate=44_100)] * 2, axis=1)
    for content in (_encoded(stereo, 44_100), _encoded(stereo, 44_100, "FLAC")):
        resampled = mel.decode(content, SETTINGS)
        band = plain[20, :, 0].argmax()
        np.testing.assert_allclose(
            resampled[2:-2, band - 1 : band + 2], plain[2:-2, band - 1 : band + 2], atol=0.05
        )


def test_clips_are_cut_or_padded() -> None:
    long, short = (mel.decode(_encoded(_tone(500, seconds)), SETTINGS) for seconds in (3, 0.5))
    assert long.shape == short.shape
    assert (short[30:] == -1).all()
    assert long[30:].max() > 0.9
    silent = mel.decode(_encoded(np.zeros(800)), SETTINGS)
    assert (silent == -1).all()
    tiny = MelSettings(sample_rate_hz=8000, samples=100, frame=320, hop=160, mel_bins=8)
    assert mel.decode(_encoded(_tone(500)), tiny).shape == (1, 8, 1)


def test_no_band_is_deaf() -> None:
    settings = MelSettings(sample_rate_hz=8000, samples=8000, frame=160, hop=80, mel_bins=256)
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    assert mel.log_mel(noise, settings).max(axis=0).min() > -1


def test_damaged_files_are_refused() -> None:
    whole = _encoded(_tone(500))
    not_numbers = _encoded(np.full(100, np.nan, np.float32), subtype="FLOAT")
    for content in (b"", b"RIFF", whole[:20], whole[:44], b"no sound at all" * 10, not_numbers):
        with pytest.raises(ValueError, match=r"no readable clip|empty clip|not numbers") as caught:
            mel.decode(content, SETTINGS)
        assert "0x" not in str(caught.value), "a person reads it"


@pytest.mark.parametrize(("place", "value"), [(24, 4_000_000_000), (24, 1), (22, 4000)])
def test_headers_that_claim_far_too_much_are_refused(place: int, value: int) -> None:
    """The sample rate is at byte 24 of a WAV file, the number of channels at byte 22."""
    content = bytearray(_encoded(_tone(500, 2)))
    content[place : place + 4] = value.to_bytes(4, "little")
    with pytest.raises(ValueError, match=r"too much|no readable clip"):
        mel.decode(bytes(content), SETTINGS)


def test_what_is_too_much_altogether_is_refused() -> None:
    stream = io.BytesIO()
    silence = np.zeros((384_000, 8), np.int16)
    with soundfile.SoundFile(stream, "w", samplerate=384_000, channels=8, format="FLAC") as file:
        for _ in range(25):
            file.write(silence)
    assert len(stream.getvalue()) < 200_000
    with pytest.raises(ValueError, match=r"25 s of 8 channels at 384,000 Hz are too much"):
        mel.decode(stream.getvalue(), SETTINGS)


def test_how_long_a_clip_may_be_is_a_setting_that_serving_keeps() -> None:
    batch = pa.record_batch({"audio": [_encoded(_tone(500, 3)), _encoded(_tone(500))], "label": ["a", "b"]})
    wanted = Data(train="clips", limits=DataLimits(clip_seconds=2, clip_samples=8_001))
    summary = Summary.of(batch, wanted)
    assert summary.columns["audio"].media.unreadable == 1
    encoder = audio.AudioEncoder(audio.fit([Column(name="audio", kind="audio")], summary, wanted))
    told = "3 s of 1 channels at 8,000 Hz are too much: data.limits.clip_seconds is 2"
    assert encoder.encode(batch).bad == {0: told}
    with pytest.raises(ValueError, match=r"data\.limits\.clip_samples is 7,999"):
        mel.decode(_encoded(_tone(500)), SETTINGS, DataLimits(clip_samples=7_999))


def test_rate_and_length_are_what_most_training_clips_have() -> None:
    clips = [_encoded(_tone(500, 0.01 * i + 0.5)) for i in range(20)] + [
        _encoded(_tone(500, 9, 16_000), 16_000)
    ]
    batch = pa.record_batch({"audio": clips, "label": ["a"] * len(clips)})
    config = Data(train="clips")
    found, columns = Summary.of(batch, config), [Column(name="audio", kind="audio")]
    settings = audio.fit(columns, found, config)
    assert settings["sample_rate_hz"] == 8000
    assert settings["samples"] == pytest.approx(0.69 * 8000, abs=81)
    assert (settings["frame"], settings["hop"], settings["mel_bins"]) == (320, 160, 40)
    config = Data(train="clips", audio=Audio(sample_rate_hz=16_000, duration_s=1, mel_bins=20))
    settings = audio.fit(columns, found, config)
    encoder = audio.AudioEncoder(settings)
    assert encoder.spec.shape == (49, 20, 1)
    encoded = encoder.encode(pa.record_batch({"audio": pa.array([clips[0], b"?"], pa.binary())}))
    assert list(encoded.bad) == [1]
    assert encoded.x.dtype == np.float32
