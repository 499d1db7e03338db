from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from trimtab.config.train import Train
from trimtab.data.dataset.dataset import Dataset
from trimtab.models.cost import weights_sha256
from trimtab.train import determinism, loop, precision
from trimtab.train.precision import mixed
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace


def network() -> keras.Model:
    keras.backend.clear_session()
    determinism.prepare(1)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(8, activation="relu")(keras.layers.Flatten()(inputs))
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


def policies(model: keras.Model) -> list[str]:
    return [layer.dtype_policy.name for layer in model.layers]


def test_all_but_the_output_layer_compute_in_16_bits_inside_the_block() -> None:
    model = network()
    with mixed(model, enabled=True):
        assert set(policies(model)[:-1]) == {"mixed_bfloat16"}
        assert policies(model)[-1] == "float32"
        assert model(tf.zeros((1, 8, 8, 1))).dtype == tf.float32
        assert {weight.dtype for weight in model.weights} == {"float32"}
    assert set(policies(model)) == {"float32"}


def test_the_policy_comes_back_after_an_error() -> None:
    model = network()
    with pytest.raises(RuntimeError), mixed(model, enabled=True):
        raise RuntimeError
    assert set(policies(model)) == {"float32"}


def test_a_gpus_loss_scale_survives_a_resume(
    classification: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "policy_name", lambda: "mixed_float16")
    data = classification()
    train = Train(epochs=2, batch_size=32, learning_rate=0.01, mixed_precision=True)
    whole, resumed = network(), network()
    loop.fit(
        whole, data, TrainSettings(train, 1), label="whole", workspace=Workspace(tmp_path, tmp_path / "logs")
    )
    max(tmp_path.glob("*.ckpt")).unlink()
    loop.fit(
        resumed,
        data,
        TrainSettings(train, 1),
        label="resumed",
        workspace=Workspace(tmp_path, tmp_path / "logs"),
    )
    assert weights_sha256(resumed) == weights_sha256(whole)
