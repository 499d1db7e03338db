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
from trimtab.compress.channels import ChannelPruning, Channels, Target
from trimtab.compress.graph.criteria import norms
from trimtab.compress.graph.cut import cut
from trimtab.compress.graph.selection import groups
from trimtab.compress.graph.target import Costs, choose_within
from trimtab.compress.graph.trace import trace
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
        Target()
