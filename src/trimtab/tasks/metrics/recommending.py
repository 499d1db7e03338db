"""How well the items of each group, such as the films of a user, are put in order by the answers.

A group is the unit: it has one score, the metric is the mean of these, and so is bounded as a mean is. Groups
of which every order is worth the same (one item; none, or nothing but, what is relevant; for recall no more
items than are looked at) tell no model from another, and are left out.

Items with the same answer have no order, and quantized models give the same answer often: each counts with
the mean of what its place among them could be (F. McSherry and M. Najork, "Computing Information Retrieval
Performance Measures Efficiently in the Presence of Tied Scores", ECIR 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics.base import (
    Array,
    Asked,
    Floats,
    Form,
    GroupScores,
    Measure,
    Metric,
    Unit,
    class_index,
    of_class,
)

_ROUNDING = 1e-6
_FORMS: frozenset[Form] = frozenset({"numbers", "classes"})
_Gains = Callable[[Array], Floats]
_Groups = NDArray[np.integer[Any]]
_Formula = Callable[[Floats, Floats, _Groups, int], Floats]


def ndcg(gains: Floats, answers: Floats, groups: _Groups, k: int) -> Floats:
    """Returns the normalized discounted cumulative gain of each group's first items, ``(groups,)``.

    An item at place i, from 1, counts with its gain over log2(i + 1); the sum is divided by that of the best
    order (K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 20, 2002).

    Args:
        gains: What each item is worth, ``(n,)``; none is negative.
        answers: By which items are ordered, the largest first, ``(n,)``.
        groups: The group of each item, ``(n,)``.
        k: How many items of each group count.

    Returns:
        In the order of the groups' numbers; nan, where every order is worth the same.
    """
    return _of_the_best(gains, answers, groups, 1 / np.log2(np.arange(2, k + 2)), lambda best, _: best)


def recall(relevant: Floats, answers: Floats, groups: _Groups, k: int) -> Floats:
    """Returns the share of each group's relevant items that are among its first ones, ``(groups,)``.

    Args:
        relevant: 1 where an item is relevant, else 0, ``(n,)``.
        answers: As for ``ndcg``, as what follows.
        groups: The group of each item, ``(n,)``.
        k: How many items of each group are looked at.
    """
    return _of_the_best(relevant, answers, groups, np.ones(k), lambda _, total: total)


def _of_the_best(
    gains: Floats,
    answers: Floats,
    groups: _Groups,
    discounts: Floats,
    whole: Callable[[Floats, Floats], Floats],
) -> Floats:
    """Returns what the order by the answers is worth of each group, of what ``whole`` says it could be.

    Args:
        gains: As for ``ndcg``, as the two that follow.
        answers: By which items are ordered.
        groups: The group of each item.
        discounts: By what the gain at each place counts, ``(k,)``; behind them by nothing.
        whole: Returns it, ``(groups,)``, given the best order's worth and the sum of all gains.
    """
    group = np.unique(groups, return_inverse=True)[1]
    count = int(group.max()) + 1 if len(group) else 0
    best, worst = (_worth(gains, order, group, discounts, count) for order in (gains, -gains))
    total = whole(best, np.bincount(group, gains, count).astype(np.float64))
    found = _worth(gains, answers, group, discounts, count)
    return np.asarray(np.where(best > worst, found / np.where(best > worst, total, 1), np.nan))


def _worth(gains: Floats, answers: Floats, group: _Groups, discounts: Floats, count: int) -> Floats:
    """Returns the sum of discounted gains of each group, ``(groups,)``."""
    order = np.lexsort((-answers, group))
    group, answers = group[order], answers[order]
    place = np.arange(len(order)) - np.searchsorted(group, group)
    discount = np.where(place < len(discounts), discounts[np.minimum(place, len(discounts) - 1)], 0.0)
    begins = np.ones(len(order), bool)
    begins[1:] = (group[1:] != group[:-1]) | (answers[1:] != answers[:-1])
    tie = np.cumsum(begins) - 1
    mean = np.bincount(tie, discount) / np.bincount(tie)
    return np.bincount(group, gains[order] * mean[tie], count).astype(np.float64)


def _ndcg(asked: Asked, classes: list[str]) -> Measure:
    name = f"NDCG@{asked.k}"
    if classes:
        return _of_class(name, "", ndcg, asked, classes)
    return replace(_of_numbers(name, "", ndcg, asked, _not_below_0), objection=_are_no_gains)


def _recall(asked: Asked, classes: list[str]) -> Measure:
    name, least = f"recall@{asked.k}", asked.relevant_from
    if classes:
        if least is not None:
            raise ValueError("relevant_from is of labels that are numbers; these are classes")
        return _of_class(name, "points", recall, asked, classes)
    if least is None:
        raise ValueError("of numbers, say from which on an item is relevant: relevant_from: 4")
    relevant = partial(_is_at_least, least)
    return _of_numbers(f"{name} of {least:g} and more", "points", recall, asked, relevant)


def _of_class(name: str, unit: Unit, formula: _Formula, asked: Asked, classes: list[str]) -> Measure:
    """Returns the measure of an order by the probability of a class, whose items alone are relevant."""
    index = class_index(asked, classes)
    if index is None:
        raise ValueError(f"items are of one of the {len(classes)} classes, or are not: name it")
    k = _first(asked)

    def per_group(labels: Array, answers: Array, groups: _Groups) -> Floats:
        relevant = np.asarray(labels == index, np.float64)
        return formula(relevant, np.asarray(answers[:, index], np.float64), groups, k)

    return _measure(of_class(name, asked), unit, per_group)


def _of_numbers(name: str, unit: Unit, formula: _Formula, asked: Asked, gains: _Gains) -> Measure:
    """Returns the measure of an order by the numbers that are told."""
    k = _first(asked)

    def per_group(labels: Array, answers: Array, groups: _Groups) -> Floats:
        return formula(gains(labels), np.asarray(answers, np.float64), groups, k)

    return _measure(name, unit, per_group)


def _first(asked: Asked) -> int:
    """Returns how many of a group's items count, without which the config is refused."""
    assert asked.k is not None
    return asked.k


def _measure(name: str, unit: Unit, per_group: GroupScores) -> Measure:
    return Measure(name, "higher", unit, "means", per_group=per_group)


def _not_below_0(labels: Array) -> Floats:
    """Returns labels as gains; what rounding took below 0 is worth nothing."""
    return np.maximum(labels, 0.0).astype(np.float64)


def _is_at_least(least: float, labels: Array) -> Floats:
    """Returns 1 where a label is as large, but for the rounding of float32."""
    return np.asarray(labels >= least - _ROUNDING * np.abs(labels).max(initial=0.0), np.float64)


def _are_no_gains(labels: Array) -> str:
    """Returns why labels cannot be gains; nothing, where they can."""
    least = float(labels.min(initial=0.0))
    if least >= -_ROUNDING * float(np.abs(labels).max(initial=0.0)):
        return ""
    return f"a label is what its item is worth, and one is {least:g}, below 0"


METRICS = {
    "ndcg_at_k": Metric(
        "higher", _FORMS, _ndcg, takes=frozenset({"k", "class"}), needs=frozenset({"k"}), by_group=True
    ),
    "recall_at_k": Metric(
        "higher",
        _FORMS,
        _recall,
        is_share=True,
        takes=frozenset({"k", "class", "relevant_from"}),
        needs=frozenset({"k"}),
        by_group=True,
    ),
}
