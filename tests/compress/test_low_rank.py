"""Thin layers: exact where nothing is left out, near where little is, in every kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.low_rank import LowRank, LowRankSplit
from trimtab.compress.targets import Shares
from trimtab.config.chains import Step
from trimtab.errors import CompressionError, WeightsError
from trimtab.models import cost

low_rank = LowRankSplit()
KINDS: dict[str, tuple[Callable[[keras.KerasTensor], Any], tuple[int, ...]]] = {
    "dense": (lambda x: layers.Dense(40, activation="tanh", name="wide")(x), (48,)),
    "dense over time": (lambda x: layers.Dense(40, use_bias=False, name="wide")(x), (6, 48)),
    "Conv1D": (lambda x: layers.Conv1D(32, 3, padding="causal", dilation_rate=2, name="wide")(x), (9, 32)),
    "Conv2D": (lambda x: layers.Conv2D(32, 3, 2, padding="same", name="wide")(x), (8, 8, 32)),
    "Conv2D without bias": (
        lambda x: layers.Conv2D(32, (1, 3), padding="valid", use_bias=False, name="wide")(x),
        (6, 6, 32),
    ),
    "pointwise": (lambda x: layers.Conv2D(32, 1, activation="relu", name="wide")(x), (5, 5, 32)),
    "Conv3D": (lambda x: layers.Conv3D(16, 2, name="wide")(x), (3, 3, 3, 16)),
}


def untrained(context: Context, x: np.ndarray) -> Context:
    """Returns a context of other examples that trains nothing: what is seen is the split alone."""
    return replace(context, calibration=lambda n: x[:n], fine_tune=lambda *_, **__: None)


def examples(shape: tuple[int, ...], directions: int) -> np.ndarray:
    """Returns 100 examples whose channels are mixed of a few directions."""
    random = np.random.default_rng(1)
    mixed = random.normal(size=(100, *shape[:-1], directions)) @ random.normal(size=(directions, shape[-1]))
    return np.asarray(mixed, np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_where_few_directions_pass_a_few_ranks_give_the_same(kind: str, context: Context) -> None:
    make, shape = KINDS[kind]
    x = examples(shape, 4)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, make(inputs), name="one")
    thin = low_rank(model, LowRank(energy=1 - 1e-9), untrained(context, x))
    assert cost.parameters(thin) < cost.parameters(model)
    assert cost.macs(thin) <= 0.75 * cost.macs(model)
    np.testing.assert_allclose(thin(x), model(x), atol=1e-3)
    assert thin.layers[-1].name == "wide"


def test_an_embedding_has_fewer_columns_and_keeps_its_mask(context: Context) -> None:
    tokens = np.random.default_rng(0).integers(0, 50, (64, 7)).astype(np.int32)
    inputs = keras.Input((7,), dtype="int32")
    table = layers.Embedding(50, 32, mask_zero=True, name="table")
    model = keras.Model(inputs, layers.GlobalAveragePooling1D()(table(inputs)))
    random = np.random.default_rng(2)
    table.embeddings.assign(random.normal(size=(50, 4)) @ random.normal(size=(4, 32)))
    thin = low_rank(model, LowRank(energy=1 - 1e-9), untrained(context, tokens))
    assert thin.get_layer("table_core").output_dim == 4
    np.testing.assert_allclose(thin(tokens), model(tokens), atol=1e-4)


def test_a_layer_that_is_called_twice_stays_one(context: Context) -> None:
    shared = layers.Dense(48, name="shared")
    inputs = keras.Input((48,))
    model = keras.Model(inputs, shared(shared(inputs)))
    thin = low_rank(model, LowRank(energy=0.5), untrained(context, examples((48,), 8)))
    assert [layer.name for layer in thin.layers if layer.weights] == ["shared_core", "shared"]


def test_less_energy_is_less_work_and_further_from_the_model(
    models: dict[str, keras.Model], context: Context, kept_back: np.ndarray
) -> None:
    model, found = models["mlp"], []
    for energy in (0.5, 0.8, 0.95):
        thin = low_rank(model, LowRank(energy=energy), replace(context, fine_tune=lambda *_, **__: None))
        found.append((cost.macs(thin), -np.abs(thin(kept_back) - model(kept_back)).mean()))
    assert found == sorted(found)


def test_a_target_is_met_by_no_more_than_it_takes(models: dict[str, keras.Model], context: Context) -> None:
    model = models["mlp"]
    thin = apply(Step("low_rank", LowRank(target=Shares(macs=0.6), epochs=1)), model, context)
    assert 0.4 < cost.macs(thin) / cost.macs(model) <= 0.6
    with pytest.raises(WeightsError, match="no ranks are so few"):
        low_rank(model, LowRank(target=Shares(parameters=0.01)), context)


def test_what_does_not_pay_stays_whole(context: Context) -> None:
    inputs = keras.Input((48,))
    model = keras.Model(inputs, layers.Dense(40, name="wide")(inputs))
    with pytest.raises(WeightsError, match="99% of the energy"):
        low_rank(model, LowRank(energy=0.99), untrained(context, examples((48,), 48)))


def test_layers_of_other_kinds_stay_as_they_are(context: Context) -> None:
    inputs = keras.Input((48,))
    x = layers.GRU(8, name="recurrent")(layers.Reshape((6, 8))(layers.LayerNormalization()(inputs)))
    model = keras.Model(inputs, x)
    with pytest.raises(CompressionError, match="no dense layer"):
        low_rank(model, LowRank(energy=0.1), untrained(context, examples((48,), 4)))


class Clock:
    """Stands for what measures: whole layers take a millisecond, parts what they are said to."""

    def __init__(self, **parts: float) -> None:
        self._parts = parts

    def milliseconds(self, models: Sequence[keras.Model], name: str, quantization: str) -> list[float]:
        assert (name, quantization) == ("litert", "dynamic_int8")
        names = [{layer.name for layer in model.layers} for model in models]
        return [
            1 + sum(ms for part, ms in self._parts.items() if f"{part}_core" in inside) for inside in names
        ]


def test_what_is_slower_as_measured_stays_whole_or_is_refused(context: Context) -> None:
    inputs = keras.Input((64,))
    model = keras.Model(inputs, layers.Dense(64, name="b")(layers.Dense(64, name="a")(inputs)))
    given = untrained(context, examples((64,), 8))
    asked = LowRank(energy=0.5, quantization="dynamic_int8")
    for parts, split in (({"a": -0.2, "b": 0.1}, {"a", "b"}), ({"a": -0.2, "b": 0.5}, {"a"})):
        thin = low_rank(model, asked, replace(given, scales=Clock(**parts)))
        assert {name for name in "ab" if f"{name}_core" in {layer.name for layer in thin.layers}} == split
    with pytest.raises(WeightsError, match=r"takes 1.30 times as long .* on litert \(dynamic_int8\)"):
        low_rank(model, asked, replace(given, scales=Clock(a=0.2, b=0.1)))
    aimed = asked.model_copy(update={"target": Shares(macs=0.5)})
    with pytest.raises(WeightsError, match="times as long"):
        low_rank(model, aimed, replace(given, scales=Clock(a=-0.2, b=0.5)))
