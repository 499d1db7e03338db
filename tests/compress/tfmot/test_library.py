"""What the training loop does differently for a twin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from compress.tfmot.resumable import context_of, digest, network
from train.conftest import classification

from trimtab import registry
from trimtab.data.dataset.dataset import Dataset
from trimtab.train import determinism

__all__ = ["classification"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qat_int8"])
def test_weights_are_those_that_autograph_would_have_given(
    classification: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data, found = classification(), registry.module(registry.PASSES, name).PASS

    def made(directory: str) -> str:
        keras.utils.clear_session()  # layers are numbered, and their names are in a flatbuffer
        determinism.prepare(3)
        model = network(data.schema.input.shape, data.schema.outputs)
        return digest(found(model, found.params(epochs=1), context_of(data, tmp_path / directory, model)))

    once, calls = made("as it is"), []
    monkeypatch.setattr(tf.autograph.experimental, "do_not_convert", lambda step: calls.append(step) or step)
    assert made("converted") == once
    assert {step.__name__ for step in calls} >= {"train_step", "test_step"}
