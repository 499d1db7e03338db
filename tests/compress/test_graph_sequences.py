"""Heads, units and inner widths: a cut model answers like the one whose removed channels nothing reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from compress.test_graph import check_equal, masked, with_random_weights
from keras import layers

from trimtab.compress.graph.criteria import activations, norms, taylor
from trimtab.compress.graph.cut import cut
from trimtab.compress.graph.dependency import Dependencies
from trimtab.compress.graph.selection import choose, groups
from trimtab.compress.graph.target import Costs, choose_within
from trimtab.compress.graph.trace import trace
from trimtab.models import cost

Block = Callable[[Any], Any]
STEPS, WIDTH = 5, 8


def attended(layer: Any, **options: Any) -> Block:
    """Returns a transformer's half: what is free in it is inside the attention."""
    return lambda x: layers.LayerNormalization()(layers.Add()([x, layer(x, x, **options)]))


def feed_forward(x: Any) -> Any:
    inner = layers.Dense(16, activation="gelu", name="inner")(layers.LayerNormalization()(x))
    return layers.LayerNormalization()(layers.Add()([x, layers.Dense(WIDTH)(inner)]))


def einsum_feed_forward(x: Any) -> Any:
    inner = layers.EinsumDense("btd,dh->bth", (None, 16), bias_axes="h", activation="relu", name="inner")(x)
    return layers.LayerNormalization()(
        layers.Add()([x, layers.EinsumDense("bth,hd->btd", (None, WIDTH))(inner)])
    )


def residual_attention(x: Any) -> Any:
    """Without a normalization the stream itself is free, through the attention too."""
    return layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)])


def cross_attention(x: Any) -> Any:
    other = layers.Dense(6, name="other")(x)[:, :3]
    return layers.MultiHeadAttention(4, 3)(layers.Dense(WIDTH)(x), value=other)


def both_ways(merge: str, kind: Any = layers.LSTM) -> Block:
    return lambda x: layers.Bidirectional(kind(6, return_sequences=True), merge_mode=merge)(x)


def convolutional(x: Any) -> Any:
    x = layers.ConvLSTM1D(6, 3, padding="same", return_sequences=True)(layers.Reshape((STEPS, 4, 2))(x))
    return layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(layers.Conv1D(5, 2))(x))


BLOCKS: dict[str, Block] = {
    "attention": attended(layers.MultiHeadAttention(4, 3, value_dim=2)),
    "attention_without_bias": attended(layers.MultiHeadAttention(4, 3, use_bias=False)),
    "causal_attention": attended(layers.MultiHeadAttention(4, 3), use_causal_mask=True),
    "one_head": attended(layers.MultiHeadAttention(1, 6, value_dim=8)),
    "grouped_queries": attended(layers.GroupQueryAttention(3, 6, 3)),
    "one_key": attended(layers.GroupQueryAttention(3, 4, 1)),
    "residual_attention": residual_attention,
    "cross_attention": cross_attention,
    "feed_forward": feed_forward,
    "einsum_feed_forward": einsum_feed_forward,
    "lstm": lambda x: layers.LSTM(9, return_sequences=True)(x),
    "masked": lambda x: layers.LSTM(9)(layers.Masking(name="masking")(x)),
    "gru": lambda x: layers.GRU(9, return_sequences=True)(x),
    "gru_of_keras_1": lambda x: layers.GRU(9, reset_after=False)(x),
    "simple_rnn": lambda x: layers.SimpleRNN(9, use_bias=False)(x),
    "concatenated": both_ways("concat"),
    "summed": both_ways("sum", layers.GRU),
    "convolutional": convolutional,
    "every_step": lambda x: layers.TimeDistributed(layers.Dense(9, activation="relu"))(x),
}


def at_random(found: Dependencies) -> np.ndarray:
    """Returns scores that say nothing."""
    return np.random.default_rng(1).uniform(size=len(found.sets))


def of(block: Block) -> keras.Model:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    tokens = keras.Input((STEPS,), dtype="int32")
    x = block(layers.Embedding(9, WIDTH)(tokens))
    x = layers.GlobalAveragePooling1D()(x) if len(x.shape) == 3 else x
    model = keras.Model(tokens, layers.Dense(3, name="out")(x))
    return with_random_weights(model, np.random.default_rng(0))


@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_dead_changes_nothing(name: str) -> None:
    model = of(BLOCKS[name])
    found = trace(model)
    assert groups(found)
    pruned = check_equal(model, found, keep := choose(model, found, 0.5, at_random(found)))
    assert pruned.count_params() < model.count_params()
    costs = Costs(model, found)
    assert costs.of(keep, "parameters") == cost.parameters(pruned)
    assert costs.of(keep, "macs") == cost.macs(pruned) < cost.macs(model)


def test_whole_heads_and_inner_units_go_and_the_normalized_stream_stays() -> None:
    model = of(lambda x: feed_forward(BLOCKS["attention"](x)))
    found = trace(model)
    assert {next(iter(makers)).partition(" ")[2] or "units" for makers in groups(found)} == {"heads", "units"}
    pruned = check_equal(model, found, choose(model, found, 0.5))
    attention = next(x for x in pruned.layers if isinstance(x, layers.MultiHeadAttention))
    assert (attention.num_heads, attention.key_dim, attention.value_dim) == (2, 3, 2)
    assert pruned.get_layer("inner").units == 8
    stays = found.sets.reason(int(found.widths[model.layers[1].name].channels[0]))
    assert "LayerNormalization" in str(stays)


@pytest.mark.parametrize("name", ["attention", "grouped_queries", "one_head", "concatenated", "feed_forward"])
def test_every_criterion_finds_what_is_dead(name: str) -> None:
    """Half of each group is read by nothing; it goes, and the answers stay."""
    whole = of(BLOCKS[name])
    found = trace(whole)
    model = masked(whole, found, choose(whole, found, 0.5, at_random(found)))
    tokens = np.random.default_rng(0).integers(0, 9, (20, STEPS)).astype("int32")
    labels, loss = np.arange(20) % 3, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for scores in (activations(model, found, tokens), taylor(model, found, tokens, labels, loss)):
        pruned = cut(model, found, choose(model, found, 0.5, scores))
        assert pruned.count_params() < model.count_params()
        np.testing.assert_allclose(pruned(tokens), model(tokens), atol=1e-5)


def test_a_target_is_reached_among_heads_and_units() -> None:
    model = of(lambda x: BLOCKS["lstm"](feed_forward(BLOCKS["attention"](x))))
    found = trace(model)
    keep = choose_within(model, found, {"macs": 0.5 * cost.macs(model)}, norms(model, found))
    assert cost.macs(check_equal(model, found, keep)) <= 0.5 * cost.macs(model)


def test_what_is_not_known_stays_whole() -> None:
    tokens = keras.Input((STEPS,), dtype="int32")
    x = layers.Embedding(9, WIDTH)(tokens)
    x, *state = layers.LSTM(WIDTH, return_sequences=True, return_state=True, name="states")(x)
    x = layers.GRU(WIDTH, return_sequences=True, name="begun")(x, initial_state=state[0])
    x = layers.SimpleRNN(WIDTH, activation="softmax", return_sequences=True, name="mixed")(x)
    x = layers.MultiHeadAttention(2, 3, name="scores")(x, x, return_attention_scores=True)[0]
    x = layers.Dense(6, name="free")(x)
    model = keras.Model(tokens, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))
    assert [set(makers) for makers in groups(trace(model))] == [{"free"}]
