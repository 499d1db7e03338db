"""The ``data.audio`` section."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class Audio(Section):
    """How waveforms become log-mel spectrograms."""

    sample_rate_hz: int | None = Field(None, ge=4000, le=96000, description="Null: the most common rate.")
    duration_s: float | None = Field(
        None, gt=0, le=60, description="Clips are cut or zero-padded to it; null: 95th percentile of lengths."
    )
    frame_ms: float = Field(40.0, gt=0, le=200, description="Length of the analysis window.")
    hop_ms: float = Field(20.0, gt=0, le=200, description="Step between windows.")
    mel_bins: int = Field(40, ge=8, le=256, description="Mel filters per frame.")
