"""Traits of models: told from the weights, kept by what says that it keeps them."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.artifacts.traits import Traits
from trimtab.compress import traits
from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.channels import Channels
from trimtab.compress.magnitude import Magnitude
from trimtab.compress.patterns import is_two_four
from trimtab.compress.two_four import TwoFour
from trimtab.config.chains import Step
from trimtab.errors import CompressionError


def dense(kernel: np.ndarray) -> keras.Model:
    """Returns a model with one layer of these weights."""
    inputs = keras.Input((kernel.shape[0],))
    model = keras.Model(inputs, layers.Dense(kernel.shape[1], name="one")(inputs))
    model.get_layer("one").set_weights([kernel, np.zeros(kernel.shape[1])])
    return model


def sparse(share: float, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    """Returns a kernel with a share of zeros, at random."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(shape) < share, 0, rng.normal(size=shape)).astype(np.float32)


def test_what_training_leaves_has_no_traits(models: dict[str, keras.Model]) -> None:
    for model in models.values():
        assert traits.measure(model).names == frozenset()
    assert traits.measure(models["mlp"]).widths == {
        "dense_1/kernel": 32,
        "dense_2/kernel": 32,
        "out/kernel": 10,
    }


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_zeros_are_meant_whoever_made_them(share: float) -> None:
    found = traits.measure(dense(sparse(share)))
    assert found.names == {"zeros"}
    assert found.zeros["one/kernel"] == pytest.approx(share, abs=0.03)


def test_a_kernel_of_nothing_but_zeros_is_no_choice() -> None:
    assert traits.measure(dense(np.zeros((8, 8), np.float32))).names == frozenset()


def test_the_pattern_is_told_from_chance() -> None:
    kernel = sparse(0.0)
    kernel.reshape(-1, 4, 64)[:, :2] = 0
    assert traits.measure(dense(kernel)).names == {"zeros", "two_four"}
    # So few weights are left that nearly every block has the pattern by itself.
    lonely = sparse(0.99)
    assert not is_two_four(lonely)


def test_a_kernel_of_less_than_a_block_of_inputs_has_no_pattern() -> None:
    kernel = sparse(0.5, (288, 32)).reshape(3, 3, 32, 32)[:, :, :1]
    assert not is_two_four(np.ascontiguousarray(kernel))
    assert not is_two_four(sparse(0.5, (2, 512)))


def test_shared_weights_are_told_by_their_number() -> None:
    rng = np.random.default_rng(0)
    clustered = rng.choice(np.linspace(-1, 1, 16), (64, 64)).astype(np.float32)
    assert traits.measure(dense(clustered)).clusters == {"one/kernel": 16}
    assert traits.measure(dense(rng.choice([0.0, 0.5], (2, 2)).astype(np.float32))).clusters == {}


def test_what_was_lost_is_told() -> None:
    kernel = sparse(0.5)
    filled = kernel + np.float32(0.1)
    assert traits.lost(dense(kernel), dense(kernel)) == ""
    assert traits.lost(dense(kernel), dense(filled)) == "zeros of one/kernel"
    wider = np.concatenate([sparse(0.0), sparse(0.0)], axis=1)
    assert traits.lost(dense(sparse(0.0)), dense(wider)) == "the width of one/kernel"


def test_traits_go_with_an_artifact(tmp_path: Path) -> None:
    found = traits.measure(dense(sparse(0.5)))
    assert Traits.model_validate_json(found.model_dump_json()) == found


def test_magnitude_then_channels_keeps_the_zeros_while_it_trains(
    models: dict[str, keras.Model], one_step: Context
) -> None:
    zeros = apply(Step("magnitude", Magnitude(sparsity=0.5, epochs=2)), models["mlp"], one_step)
    narrow = apply(Step("channels", Channels(ratio=0.5, epochs=2)), zeros, one_step)
    kernel = np.asarray(narrow.get_layer("dense_2").kernel)
    assert kernel.shape == (16, 16)
    assert 0.2 < traits.zero_share(kernel) < 0.8


def test_a_sparse_network_of_one_channel_loses_channels_like_any_other(
    models: dict[str, keras.Model], one_step: Context
) -> None:
    zeros = apply(Step("magnitude", Magnitude(sparsity=0.5, epochs=1)), models["cnn"], one_step)
    assert traits.measure(zeros).names == {"zeros"}
    narrow = apply(Step("channels", Channels(ratio=0.5, epochs=1)), zeros, one_step)
    assert traits.measure(narrow).names == {"zeros"}


def test_two_four_then_more_zeros_keeps_the_pattern(
    models: dict[str, keras.Model], one_step: Context
) -> None:
    pattern = apply(Step("two_four", TwoFour(epochs=1)), models["mlp"], one_step)
    sparser = apply(Step("magnitude", Magnitude(sparsity=0.6, epochs=2)), pattern, one_step)
    assert traits.measure(sparser).two_four == traits.measure(pattern).two_four
    with pytest.raises(CompressionError, match="asks for fewer"):
        apply(Step("magnitude", Magnitude(sparsity=0.3, epochs=1)), pattern, one_step)


def test_a_pattern_that_came_with_the_model_refuses_what_would_destroy_it(
    models: dict[str, keras.Model], one_step: Context
) -> None:
    pattern = apply(Step("two_four", TwoFour(epochs=1)), models["mlp"], one_step)
    with pytest.raises(CompressionError, match=r"channels would destroy the 2:4 pattern") as caught:
        apply(Step("channels", Channels()), pattern, one_step)
    assert caught.value.hint == "Put channels before the step that makes them."
