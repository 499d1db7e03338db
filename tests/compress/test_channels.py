from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

from trimtab.compress.base import Context
from trimtab.compress.channels import ChannelPruning, Channels
from trimtab.compress.graph.criteria import norms
from trimtab.compress.graph.selection import choose, kept_width
from trimtab.compress.graph.trace import trace
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.model import Model
from trimtab.errors import CompressionError
from trimtab.models import cost, registry
from trimtab.models.spec import ModelSpec

channels = ChannelPruning()


class Recorder:
    """Stands for the stage: remembers what a method asked for."""

    def __init__(self, model: keras.Model) -> None:
        rng, given = np.random.default_rng(0), model.inputs[0]
        self.lines: list[str] = []
        self.tuned: list[tuple[keras.Model, int, float]] = []
        self.context = Context(
            seed=0,
            task="classification",
            steps_per_epoch=0,
            fine_tune=self.fine_tune,
            calibration=lambda count: rng.integers(0, 4, (count, *given.shape[1:])).astype(given.dtype),
            say=self.lines.append,
        )

    def fine_tune(self, model: keras.Model, tuning: FineTuning, *, callbacks: Sequence[Any] = ()) -> None:
        self.tuned.append((model, tuning.epochs, tuning.learning_rate_factor))


def built(name: str, kind: Any, *shape: int, vocabulary: int | None = None) -> keras.Model:
    dtype = "int32" if kind == "text" else "float32"
    spec = ModelSpec(kind, "classification", shape, dtype, 5, vocabulary)
    return registry.build(Model(architecture=name), spec, keras_tuner.HyperParameters())


MODELS = {
    "mlp": lambda: built("mlp", "tabular", 9),
    "mlp on images": lambda: built("mlp", "image", 8, 8, 1),
    "cnn": lambda: built("cnn", "image", 28, 28, 1),
    "resnet8": lambda: built("resnet8", "image", 32, 32, 3),
    "ds_cnn": lambda: built("ds_cnn", "audio", 49, 40, 1),
    "text_cnn": lambda: built("text_cnn", "text", 20, vocabulary=50),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ratio", [0.25, 0.6])
def test_every_built_in_shrinks_as_asked(name: str, ratio: float) -> None:
    """Layers between pruned ones keep (1 - ratio)² of their weights, the first and the last (1 - ratio)."""
    model = MODELS[name]()
    recorder = Recorder(model)
    before = cost.weights_sha256(model)
    pruned = channels(model, Channels(ratio=ratio, epochs=3, learning_rate_factor=0.5), recorder.context)
    left = 1 - ratio
    share = cost.parameters(pruned) / cost.parameters(model)
    assert left**2 * 0.9 <= share <= left * 1.1
    assert cost.macs(pruned) < left * 1.1 * cost.macs(model)
    assert pruned.outputs[0].shape == model.outputs[0].shape
    assert cost.weights_sha256(model) == before
    assert recorder.tuned == [(pruned, 3, 0.5)]
    assert len(recorder.lines) == 1
    assert "→" in recorder.lines[0]


def test_unimportant_channels_go_first() -> None:
    model = MODELS["cnn"]()
    keras.utils.set_random_seed(0)
    dead = np.array([1, 3, 4, 6, 8, 9, 12, 15])
    gamma = model.get_layer("bn_1_1").gamma
    gamma.assign(np.where(np.isin(np.arange(16), dead), 1e-3, 1.0))
    found = trace(model)
    keep = choose(model, found, 0.5)
    removed = np.flatnonzero(~keep[found.widths["conv_1_1"].channels])
    np.testing.assert_array_equal(removed, dead)


def test_filters_count_where_nothing_normalizes_them() -> None:
    model = MODELS["mlp"]()
    kernel = model.get_layer("dense_1").kernel
    odd = np.arange(kernel.shape[-1]) % 2 == 1
    kernel.assign(np.asarray(kernel) * np.where(odd, 1.0, 1e-3))
    found = trace(model)
    keep = choose(model, found, 0.5)
    np.testing.assert_array_equal(keep[found.widths["dense_1"].channels], odd)


def test_the_scale_of_a_filter_before_a_batch_normalization_has_no_effect() -> None:
    model = MODELS["cnn"]()
    found = trace(model)
    before = norms(model, found)
    kernel = model.get_layer("conv_1_1").kernel
    kernel.assign(np.asarray(kernel) * np.linspace(0.1, 10, 16))
    np.testing.assert_allclose(norms(model, found), before, rtol=1e-5)


def test_importance_does_not_depend_on_the_scale_of_a_layer() -> None:
    model = MODELS["cnn"]()
    found = trace(model)
    before = norms(model, found)
    kernel = model.get_layer("conv_2_1").kernel
    kernel.assign(np.asarray(kernel) * 100)
    np.testing.assert_allclose(norms(model, found), before, rtol=1e-5)


@pytest.mark.parametrize(
    ("count", "ratio", "kept"),
    [(64, 0.5, 32), (64, 0.3, 44), (16, 0.5, 8), (16, 0.1, 14), (10, 0.5, 5), (7, 0.5, 4), (3, 0.9, 1),
     (1, 0.5, 1), (2, 0.1, 2), (130, 0.25, 96)],
)  # fmt: skip
def test_kept_width(count: int, ratio: float, kept: int) -> None:
    assert kept_width(count, ratio) == kept


@pytest.mark.parametrize("ratio", np.linspace(0.02, 0.98, 25))
def test_kept_width_is_near_what_was_asked(ratio: float) -> None:
    for count in range(1, 300):
        kept = kept_width(count, ratio)
        assert 1 <= kept <= count
        assert abs(kept - count * (1 - ratio)) <= max(1.0, 0.05 * count)


def test_nothing_to_prune_names_the_layer() -> None:
    inputs = keras.Input((4,))
    x = layers.LayerNormalization(name="norm")(layers.Dense(8)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(x))
    with pytest.raises(CompressionError, match=r"norm \(LayerNormalization\)"):
        channels(model, Channels(), Recorder(model).context)


def test_nothing_between_input_and_output() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    with pytest.raises(CompressionError, match="no layer between"):
        channels(model, Channels(), Recorder(model).context)


def test_a_ratio_too_small_for_the_widths() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dense(4)(inputs)))
    with pytest.raises(CompressionError, match="too few for the share"):
        channels(model, Channels(ratio=0.05), Recorder(model).context)


def test_partly_unknown_models_are_pruned_where_they_can() -> None:
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, activation="relu", name="free")(inputs)
    x = layers.Conv2D(16, 3, name="bound")(x)
    x = layers.GroupNormalization(4)(x)
    model = keras.Model(inputs, layers.Dense(2, name="out")(layers.GlobalAveragePooling2D()(x)))
    pruned = channels(model, Channels(ratio=0.5), Recorder(model).context)
    assert pruned.get_layer("free").filters == 8
    assert pruned.get_layer("bound").filters == 16


def test_nested_models_are_flattened() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu", name="hidden")])
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(inner(inputs)))
    assert channels(model, Channels(ratio=0.5), Recorder(model).context).get_layer("hidden").units == 4


def test_subclassed_models_are_refused() -> None:
    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(CompressionError, match="functional"):
        channels(Own(), Channels(), Recorder(MODELS["mlp"]()).context)


def test_the_pruned_model_saves_and_loads(tmp_path: Any) -> None:
    model = MODELS["resnet8"]()
    pruned = channels(model, Channels(ratio=0.5), Recorder(model).context)
    pruned.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert cost.weights_sha256(loaded) == cost.weights_sha256(pruned)


def test_mixed_precision_is_kept() -> None:
    model = MODELS["cnn"]()
    for layer in model.layers:
        layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    pruned = channels(model, Channels(ratio=0.5), Recorder(model).context)
    assert pruned.get_layer("conv_2_1").compute_dtype == "bfloat16"


def test_an_adapted_normalization_keeps_what_it_learned() -> None:
    x = np.random.default_rng(0).normal(40, 7, (50, 4)).astype(np.float32)
    normalization = layers.Normalization()
    normalization.adapt(x)
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, activation="relu", name="hidden")(normalization(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="out")(hidden))
    kernel, bias = model.get_layer("hidden").get_weights()
    model.get_layer("hidden").set_weights([kernel * (np.arange(8) < 4), bias])
    pruned = channels(model, Channels(ratio=0.5), Recorder(model).context)
    np.testing.assert_allclose(pruned(x), model(x), atol=1e-5)
