"""Layers that are frozen, that learn later, and that learn slower: what becomes of their weights."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from trimtab.config.config import Config
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.train import Train
from trimtab.data.dataset.dataset import Dataset
from trimtab.train import determinism, loop
from trimtab.train.settings import TrainSettings


def network() -> keras.Model:
    determinism.prepare(1)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(8, activation="relu", name="first")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dense(8, activation="relu", name="middle")(x)
    x = keras.layers.Dropout(0.1)(keras.layers.Dense(3, name="head")(x))
    return keras.Model(inputs, keras.layers.Softmax()(x))


def moved(data: Dataset, **train: object) -> dict[str, float]:
    """Returns how far the weights of each layer went in a training, by the layer's name."""
    model = network()
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    base = {"epochs": 2, "batch_size": 32, "learning_rate": 1e-3, "schedule": "constant"}
    settings = TrainSettings(Train.model_validate({**base, **train}), 1)
    loop.fit(model, data, settings, label="test")
    assert all(layer.trainable for layer in model.layers)
    return {
        name: max(
            float(np.abs(a - b).max()) for a, b in zip(old, model.get_layer(name).get_weights(), strict=True)
        )
        for name, old in before.items()
    }


def test_only_the_head_of_a_frozen_model_learns(classification: Callable[..., Dataset]) -> None:
    found = moved(classification(), freeze=True, weight_decay=0.1)
    assert found["head"] > 0
    assert [found[name] for name in ("first", "norm", "middle")] == [0, 0, 0]


def test_what_learns_later_has_fewer_steps_and_normalizations_keep_what_they_know(
    classification: Callable[..., Dataset],
) -> None:
    data = classification()
    later = moved(data, freeze=True, unfreeze_after=1.5, weight_decay=0.1)
    never = moved(data, freeze=True, unfreeze_after=2, weight_decay=0.1)
    usual = moved(data)
    assert later["norm"] == never["first"] == never["middle"] == 0
    assert 0 < later["first"] < usual["first"]
    assert never["head"] > 0


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw"])
def test_layers_learn_at_shares_of_the_rate(classification: Callable[..., Dataset], optimizer: str) -> None:
    data = classification(rows=(32, 0))
    slow = moved(data, first_layer_rate=0.01, optimizer=optimizer, epochs=1, momentum=0)
    usual = moved(data, optimizer=optimizer, epochs=1, momentum=0)
    shares = {name: slow[name] / usual[name] for name in ("first", "middle", "head")}
    expected = {"first": 0.01, "middle": 0.01 ** (1 / 3), "head": 1.0}
    assert shares == pytest.approx(expected, rel=0.05)


def test_passes_train_all_layers_at_one_rate() -> None:
    train = Train(freeze=True, unfreeze_after=1, first_layer_rate=0.1, epochs=4)
    found = TrainSettings(train, 1).for_fine_tuning(FineTuning()).train
    assert (found.freeze, found.unfreeze_after, found.first_layer_rate) == (False, None, 1.0)


def test_what_cannot_be_frozen_is_refused() -> None:
    with pytest.raises(ValidationError, match="nothing is frozen; set freeze: true"):
        Train(unfreeze_after=1)
    given = {"name": "x", "data": {"train": "x.csv"}, "model": {"architecture": "mlp"}}
    with pytest.raises(ValidationError, match="frozen, it would learn nothing"):
        Config.model_validate({**given, "train": {"freeze": True}})
