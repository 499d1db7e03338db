"""What a pass measures: real files, in turns, once for models of the same architecture."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from trimtab.artifacts.store import ContentStore
from trimtab.batch import INPUT, Batch
from trimtab.stages.making import weighing
from trimtab.stages.making.weighing import Weighing


def dense(units: int) -> keras.Model:
    inputs = keras.Input((256,))
    return keras.Model(inputs, keras.layers.Dense(8)(keras.layers.Dense(units, name="inner")(inputs)))


def examples(count: int) -> Batch:
    return {INPUT: np.random.default_rng(0).normal(size=(count, 256)).astype(np.float32)}


def test_files_are_weighed_and_a_table_is_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scales = Weighing(ContentStore(str(tmp_path / "runs/one")), examples, seed=0)
    wide, narrow = dense(2048), dense(16)
    quarter = scales.gzip_bytes(wide, "litert", "dynamic_int8") / scales.gzip_bytes(wide, "litert", "none")
    assert 0.2 < quarter < 0.35
    found = scales.milliseconds([wide, narrow], "litert", "none")
    assert found[1] < found[0]
    monkeypatch.setattr(weighing, "LocalTurns", None)
    again = Weighing(ContentStore(str(tmp_path / "runs/two")), examples, seed=1)
    assert again.milliseconds([wide, narrow], "litert", "none") == found
    with pytest.raises(TypeError):
        again.milliseconds([narrow, wide], "litert", "none")
