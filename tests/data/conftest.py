"""Encoded files and datasets for the tests of this room."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from trimtab.config.data import Data
from trimtab.data.champion.reference import Reference
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.encoders.form import Form
from trimtab.data.prepare.prepare import PreparedSummary, prepare
from trimtab.storage import artifact


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


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., tuple[Dataset, PreparedSummary]]:
    """Prepares a dataset, against a champion's if one is given."""
    settings: dict[Path, Data] = {}

    def run(
        name: str = "dataset",
        champion: Dataset | None = None,
        *,
        seed: int = 0,
        form: Form | None = None,
        slices: Sequence[str] = (),
        **config: Any,
    ) -> tuple[Dataset, PreparedSummary]:
        reference = Reference.load(champion.path, settings[champion.path]) if champion else None
        data = settings[tmp_path / "out" / name] = Data.model_validate({"workers": 1, **config})
        with artifact.create(tmp_path / "out" / name, "dataset") as draft:
            found = prepare(
                data, seed=seed, directory=draft.path, champion=reference, form=form, slices=slices
            )
            draft.counts = dict(found.rows)
            draft.lineage = {
                "fingerprint": found.content.fingerprint,
                "warnings": found.warnings,
                "schema_changes": found.schema_changes,
                "champion_rows": found.champion_rows,
            }
        return Dataset.open(tmp_path / "out" / name), found

    return run
