"""A target of the whole model: reached, by all groups together, at once or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from trimtab.compress.base import Context
from trimtab.compress.channels import ChannelPruning, Channels
from trimtab.compress.graph.criteria import norms
from trimtab.compress.graph.cut import cut
from trimtab.compress.graph.selection import groups
from trimtab.compress.graph.target import Costs, choose_within
from trimtab.compress.graph.trace import trace
from trimtab.compress.targets import Shares, Target
from trimtab.config.fine_tuning import FineTuning
from trimtab.errors import CompressionError
from trimtab.models import cost

from .test_channels import MODELS

channels = ChannelPruning()


class Tuned:
    """Stands for the training: what it was asked for, with the parameters of the model at that time."""

    def __init__(self, context: Context) -> None:
        self.epochs: list[int] = []
        self.sizes: list[int] = []
        self.context = replace(context, fine_tune=self.fine_tune)

    def fine_tune(self, model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = ()) -> None:
        self.epochs.append(tuning.epochs)
        self.sizes.append(cost.parameters(model))


@pytest.fixture
def tuned(context: Context) -> Tuned:
    return Tuned(context)


@pytest.mark.parametrize("name", MODELS)
def test_costs_are_those_of_the_model_that_is_cut(name: str) -> None:
    model = MODELS[name]()
    found = trace(model)
    costs, rng = Costs(model, found), np.random.default_rng(3)
    stays = np.ones(len(found.sets), bool)
    for members in groups(found).values():
        stays[rng.choice(members, len(members) // 3, replace=False)] = False
    keep = stays[found.sets.roots()]
    narrow = cut(model, found, keep)
    assert costs.of(keep, "macs") == cost.macs(narrow)
    assert costs.of(keep, "parameters") == cost.parameters(narrow)


@pytest.mark.parametrize("unit", ["macs", "parameters"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("share", [0.75, 0.4])
def test_a_target_is_reached_and_not_by_far(name: str, unit: str, share: float) -> None:
    model = MODELS[name]()
    found = trace(model)
    whole = Costs(model, found).of(np.ones(len(found.sets), bool), unit)
    keep = choose_within(model, found, {unit: share * whole}, norms(model, found))
    reached = Costs(model, found).of(keep, unit) / whole
    assert 0.8 * share < reached <= share


def test_groups_that_count_little_lose_more() -> None:
    model = MODELS["cnn"]()
    found = trace(model)
    scores = norms(model, found)
    for makers, members in groups(found).items():
        if "conv_2_1" in makers:
            scores[members] *= 1e-3
    keep = choose_within(model, found, {"macs": 0.6 * cost.macs(model)}, scores)
    left = {name: keep[width.channels].mean() for name, width in found.widths.items()}
    assert left["conv_2_1"] < 0.5 < left["conv_1_1"]
    assert left["conv_2_1"] >= 1 / 8


def test_what_cannot_be_reached_says_how_far_it_goes() -> None:
    model = MODELS["cnn"]()
    found = trace(model)
    with pytest.raises(CompressionError, match=r"expected at most 10 macs.* it has [0-9,]+ macs"):
        choose_within(model, found, {"macs": 10}, norms(model, found))


def test_a_target_takes_the_place_of_the_ratio(models: dict[str, keras.Model], tuned: Tuned) -> None:
    params = Channels.model_validate({"target": {"macs": 0.5, "parameters": 0.6}, "epochs": 3})
    pruned = channels(models["cnn"], params, tuned.context)
    assert cost.macs(pruned) <= 0.5 * cost.macs(models["cnn"])
    assert cost.parameters(pruned) <= 0.6 * cost.parameters(models["cnn"])
    assert tuned.epochs == [3]


@pytest.mark.parametrize("target", [None, {"parameters": 0.4}])
def test_parts_share_the_epochs_and_end_where_one_cut_would(
    target: Any, models: dict[str, keras.Model], tuned: Tuned
) -> None:
    params = Channels.model_validate({"ratio": 0.5, "target": target, "epochs": 7})
    parts = channels(models["cnn"], params.model_copy(update={"rounds": 3}), tuned.context)
    assert tuned.epochs == [2, 2, 3]
    assert tuned.sizes == sorted(set(tuned.sizes), reverse=True)
    once = channels(models["cnn"], params, tuned.context)
    assert abs(cost.parameters(parts) / cost.parameters(once) - 1) < 0.1


def test_a_part_too_small_to_cut_leaves_its_epochs_to_the_next(
    models: dict[str, keras.Model], tuned: Tuned
) -> None:
    pruned = channels(models["mlp"], Channels(ratio=0.06, rounds=2, epochs=4), tuned.context)
    assert pruned.get_layer("dense_1").units == 30
    assert sum(tuned.epochs) == 4
    assert len(tuned.epochs) == len(set(tuned.sizes))


def test_a_target_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected macs or parameters"):
        Shares()
    with pytest.raises(ValidationError, match="bytes_ratio, latency_ratio or latency_ms"):
        Target()
    with pytest.raises(ValidationError, match="litert has no quantization 'int7' of its own, but none, "):
        Target(latency_ratio=0.5, quantization="int7")
    with pytest.raises(ValidationError, match="there is no runtime 'tpu', but litert"):
        Target(latency_ratio=0.5, runtime="tpu")


class Scales:
    """Stands for what measures: models by their widths, as a runtime whose kernels work on blocks of 8."""

    def __init__(self, *, only_together: bool = False) -> None:
        self._only_together = only_together
        self.forms: set[tuple[str, str]] = set()
        self.weighed = 0

    def gzip_bytes(self, model: keras.Model, name: str, quantization: str) -> int:
        self.forms.add((name, quantization))
        return 100 + cost.parameters(model)

    def milliseconds(self, models: Sequence[keras.Model], name: str, quantization: str) -> list[float]:
        self.forms.add((name, quantization))
        self.weighed += len(models)
        return [self._milliseconds([layer.filters for layer in widths(model)]) for model in models]

    def _milliseconds(self, found: list[int]) -> float:
        blocks = [-(-width // 8) for width in found]
        if self._only_together:
            return 4.0 if max(blocks) <= 6 else 10.0
        return 1.0 + sum(before * after for before, after in zip([1, *blocks], blocks, strict=False))


def stack() -> keras.Model:
    x = inputs = keras.Input((4, 4, 1))
    for width in (32, 64, 32):
        x = keras.layers.Conv2D(width, 3, padding="same")(x)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))


def widths(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


@pytest.mark.parametrize("rounds", [1, 2])
def test_latency_is_cut_by_what_widths_save_as_measured(rounds: int, tuned: Tuned) -> None:
    """Where kernels work on blocks, what lies between two blocks would only cost accuracy."""
    model, scales = stack(), Scales()
    target = {"latency_ratio": 0.5, "runtime": "litert", "quantization": "int8"}
    params = Channels.model_validate({"criterion": "norms", "target": target, "epochs": 2, "rounds": rounds})
    narrow = channels(model, params, replace(tuned.context, scales=scales))
    before, after = scales.milliseconds([model, narrow], "litert", "int8")
    assert 0.3 * before < after <= 0.5 * before
    assert rounds > 1 or all(layer.filters % 8 == 0 for layer in widths(narrow))
    assert scales.forms == {("litert", "int8")}
    assert scales.weighed < 60 * rounds


def test_what_is_faster_only_together_is_found_and_milliseconds_are_held(tuned: Tuned) -> None:
    model, context = stack(), replace(tuned.context, scales=Scales(only_together=True))
    asked = {"criterion": "norms", "epochs": 1}
    narrow = channels(model, Channels.model_validate({**asked, "target": {"latency_ms": 5}}), context)
    assert max(layer.filters for layer in widths(narrow)) == 48
    with pytest.raises(CompressionError, match="was measured at 4 ms, beside 10 ms"):
        channels(model, Channels.model_validate({**asked, "target": {"latency_ms": 3}}), context)
    with pytest.raises(CompressionError, match="it meets the target as it is"):
        channels(model, Channels.model_validate({**asked, "target": {"latency_ms": 11}}), context)


def test_bytes_are_those_of_files_beside_what_is_counted(tuned: Tuned) -> None:
    model, scales = stack(), Scales()
    asked = {"criterion": "norms", "target": {"bytes_ratio": 0.5, "macs": 0.9}, "epochs": 1}
    params = Channels.model_validate(asked)
    narrow = channels(model, params, replace(tuned.context, scales=scales))
    share = scales.gzip_bytes(narrow, "litert", "none") / scales.gzip_bytes(model, "litert", "none")
    assert 0.4 < share <= 0.5
    assert cost.macs(narrow) <= 0.9 * cost.macs(model)
    assert channels(model, params, tuned.context).count_params() < model.count_params()  # as in a rehearsal
