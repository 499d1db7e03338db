"""What says how much a channel counts: on real digits, and on channels whose worth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.compress.base import Context
from trimtab.compress.channels import ChannelPruning, Channels
from trimtab.compress.graph.criteria import Criterion, activations, importance, taylor
from trimtab.compress.graph.cut import cut
from trimtab.compress.graph.selection import choose
from trimtab.compress.graph.trace import trace
from trimtab.errors import CompressionError

DEAD = np.array([0, 3, 4, 5, 9, 10, 12, 15])
DATA: list[Criterion] = ["activations", "taylor"]
loss = keras.losses.SparseCategoricalCrossentropy()


def with_dead_channels() -> keras.Model:
    """Returns a net with a residual sum in which half of every group is zero behind its ReLU."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((8, 8, 1))
    x = skip = layers.Conv2D(16, 3, padding="same", activation="relu", name="stem")(inputs)
    x = layers.SeparableConv2D(16, 3, padding="same", activation="relu", name="inner")(x)
    x = layers.Conv2D(16, 1, activation="relu", name="back")(x)
    x = layers.Add()([x, skip])
    x = layers.Flatten()(layers.MaxPooling2D(4)(x))
    x = layers.Dense(16, activation="relu", name="hidden")(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    for name in ("stem", "inner", "back", "hidden"):
        bias = model.get_layer(name).bias
        bias.assign(np.where(np.isin(np.arange(16), DEAD), -1e3, 0.1))
    return model


@pytest.mark.parametrize("criterion", DATA)
def test_dead_channels_go_first_and_the_outputs_stay(
    criterion: Criterion, context: Context, kept_back: np.ndarray
) -> None:
    model = with_dead_channels()
    # By their weights they count most.
    for name in ("stem", "back", "hidden"):
        kernel = model.get_layer(name).kernel
        kernel.assign(np.asarray(kernel) * np.where(np.isin(np.arange(16), DEAD), 50, 1))
    found = trace(model)
    keep = choose(model, found, 0.5, importance(criterion, model, found, context))
    assert keep.mean() < 0.7
    np.testing.assert_allclose(cut(model, found, keep)(kept_back), model(kept_back), atol=1e-5)
    by_norms = choose(model, found, 0.5)
    assert np.abs(np.asarray(cut(model, found, by_norms)(kept_back)) - model(kept_back)).max() > 1e-3


def test_activations_are_shares_of_what_each_layer_reads(
    models: dict[str, keras.Model], digits: tuple[np.ndarray, np.ndarray]
) -> None:
    model, x = models["mlp"], digits[0][:300]
    found = trace(model)
    scores = activations(model, found, x)
    reads = keras.Model(model.input, model.get_layer("dense_1").output)(x)
    energy = np.square(np.asarray(reads, np.float64)).mean(axis=0)
    weighted = energy * np.square(np.asarray(model.get_layer("dense_2").kernel, np.float64)).sum(axis=1)
    made = found.sets.roots(found.widths["dense_1"].channels)
    np.testing.assert_allclose(scores[made], weighted / weighted.sum(), rtol=1e-4)


def test_the_scale_of_a_layer_changes_no_activation_score(context: Context) -> None:
    model = with_dead_channels()
    found = trace(model)
    before = importance("activations", model, found, context)
    kernel = model.get_layer("hidden").kernel
    kernel.assign(np.asarray(kernel) * 100)
    model.get_layer("hidden").bias.assign(np.asarray(model.get_layer("hidden").bias) * 100)
    np.testing.assert_allclose(importance("activations", model, found, context), before, rtol=1e-3)


def test_taylor_is_near_what_a_small_change_costs(
    models: dict[str, keras.Model], digits: tuple[np.ndarray, np.ndarray]
) -> None:
    """The mean square over examples of d loss / d gate, by a difference of two gates, for every unit."""
    model, x, y = models["mlp"], digits[0][:64], digits[1][:64]
    found = trace(model)
    scores = taylor(model, found, x, y, loss)
    hidden = np.asarray(keras.Model(model.input, model.get_layer("dense_1").output)(x), np.float64)
    tail = model.get_layer("dense_2"), model.get_layer("out")

    def losses(values: np.ndarray) -> np.ndarray:
        answers = np.asarray(tail[1](tail[0](values.astype(np.float32))), np.float64)
        return -np.log(answers[np.arange(len(y)), y])

    made = found.sets.roots(found.widths["dense_1"].channels)
    for unit in range(0, 32, 5):
        wider, narrower = hidden.copy(), hidden.copy()
        wider[:, unit] *= 1.01
        narrower[:, unit] *= 0.99
        slope = (losses(wider) - losses(narrower)) / 0.02
        assert scores[made[unit]] == pytest.approx(np.mean(slope**2), rel=0.2, abs=1e-7)


def test_what_two_layers_read_counts_once_for_each(context: Context) -> None:
    """A residual stream is read by a convolution and by the sum behind it; both gradients are summed."""
    model = with_dead_channels()
    found = trace(model)
    scores = importance("taylor", model, found, context)
    made = found.sets.roots(found.widths["stem"].channels)
    alive = np.setdiff1d(np.arange(16), DEAD)
    assert (scores[made[DEAD]] == 0).all()
    assert (scores[made[alive]] > 0).all()


def test_taylor_without_labels_is_refused(models: dict[str, keras.Model], context: Context) -> None:
    with pytest.raises(CompressionError, match="labelled"):
        ChannelPruning()(
            models["mlp"], Channels(criterion="taylor", epochs=1), replace(context, labelled=None)
        )


@pytest.mark.parametrize("criterion", ["norms", *DATA])
def test_each_gives_a_good_model(
    criterion: Criterion,
    models: dict[str, keras.Model],
    context: Context,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
) -> None:
    pruned = ChannelPruning()(
        models["cnn"], Channels(ratio=0.5, criterion=criterion, epochs=2, learning_rate_factor=1.0), context
    )
    assert accuracy(np.asarray(pruned(kept_back))) > 0.85
