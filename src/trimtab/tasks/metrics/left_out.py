"""What metrics are without a part of the examples, for every part at once.

A jackknife asks for a metric a hundred times, of nearly all examples each. What metrics are made of (counts
of classes, ranks) is added up over parts, so that all without a part is all less the part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics.base import Array, Floats, decided

Blocks = NDArray[np.intp]
Summed = Callable[[Floats, Floats], Floats]
Counts = Callable[[Floats, Floats, Floats], Floats]
"""Of hits, examples and findings of every class, ``(blocks, classes)`` each: the metric, ``(blocks,)``."""

_AT_ONCE = 10
"""Blocks, so that what is computed of them stays in the processor's cache."""


def by_class(labels: Array, answers: Array, block: Blocks, blocks: int) -> tuple[Floats, Floats, Floats]:
    """Returns hits, examples and findings of every class without each block, ``(blocks, classes)`` each."""
    width = answers.shape[1]
    if labels.ndim == 2:
        there, told = decided(labels, answers)
        rows, columns = np.nonzero(there | told)
        is_there, is_told = there[rows, columns], told[rows, columns]
        place = block[rows] * width + columns
        parts = (place[is_there & is_told], place[is_there], place[is_told])
    else:
        predicted = answers.argmax(axis=1)
        right = predicted == labels
        of_label = block * width + labels
        parts = (of_label[right], of_label, block * width + predicted)
    hits, truly, findings = (_without(each, blocks, width) for each in parts)
    return hits, truly, findings


def over_curves(
    summed: Summed, score: Floats, positive: NDArray[np.bool_], block: Blocks, blocks: int
) -> Floats:
    """Returns what follows from the curve of recall and precision without each block, ``(blocks,)``.

    Args:
        summed: Of hits down to each threshold, and of precision, ``(some blocks, thresholds)`` each, by
            rising recall: what is asked, times the positives that are left, ``(some blocks,)``.
        score: Larger where an example is more likely positive, ``(n,)``.
        positive: Whether it is, ``(n,)``.
        block: Of each example, ``(n,)``.
        blocks: How many there are.

    Returns:
        It is nan where no positive is left.
    """
    order = np.argsort(-score)  # what is equal is added up, in whatever order
    tie = _ties(score[order])
    is_positive, dealt = positive[order], block[order]
    has_positive = np.bincount(tie, weights=is_positive) > 0
    # What lies between two thresholds counts for the one after it; behind the last, nothing does.
    thresholds = int(has_positive.sum())
    place: NDArray[np.intp] = (np.cumsum(has_positive) - has_positive)[tie]
    hits, told = (
        _Counted(place[which], dealt[which], thresholds, blocks)
        for which in (is_positive, place < thresholds)
    )
    left = int(positive.sum()) - np.bincount(dealt[is_positive], minlength=blocks)
    values = np.empty(blocks)
    for first in range(0, blocks, _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        hit = hits.without(some)
        values[some] = summed(hit, hit / np.maximum(told.without(some), 1))
    return np.where(left > 0, values / np.maximum(left, 1), np.nan)


class _Counted:
    """How many examples are down to each threshold.

    Args:
        place: The threshold of each, rising, ``(n,)``.
        dealt: Its block, ``(n,)``.
        thresholds: How many there are.
        blocks: How many there are.
    """

    def __init__(self, place: NDArray[np.intp], dealt: Blocks, thresholds: int, blocks: int) -> None:
        self._all = np.cumsum(np.bincount(place, minlength=thresholds)).astype(np.float64)
        ends = np.sort(dealt * thresholds + place)
        lengths = np.diff(ends, prepend=0, append=blocks * thresholds)
        # Over all blocks one after the other: of each, what those before it have is to be taken off.
        counts = np.repeat(np.arange(len(ends) + 1, dtype=np.float64), lengths)
        self._parts = counts.reshape(blocks, thresholds)
        sizes = np.bincount(dealt, minlength=blocks)
        self._before = (np.cumsum(sizes) - sizes).astype(np.float64)

    def without(self, some: slice) -> Floats:
        """Returns them without some blocks, one at a time, ``(blocks, thresholds)``."""
        return np.asarray(self._all + self._before[some, None] - self._parts[some])


def areas(score: Floats, positive: NDArray[np.bool_], block: Blocks, blocks: int) -> Floats:
    """Returns the area under the ROC curve without each block, ``(blocks,)``; nan where a class is missing.

    Of all pairs of a positive and a negative, those go that have one in the block.
    """
    order = np.argsort(score)
    tie, is_positive, dealt = _ties(score[order]), positive[order], block[order]
    below = _below(tie, ~is_positive)
    above = is_positive.sum() - _below(tie, is_positive)
    # Within blocks, of which one begins where the one before ends.
    inner = np.argsort(dealt.astype(np.min_scalar_type(blocks)), kind="stable")  # small ones sort at once
    sizes = np.bincount(dealt, minlength=blocks)
    begins = np.concatenate([[0], np.cumsum(~is_positive[inner])])[np.cumsum(sizes) - sizes]
    inside = _below(_ties(tie[inner], dealt[inner]), ~is_positive[inner]) - begins[dealt[inner]]
    gone = np.bincount(dealt, weights=np.where(is_positive, below, above), minlength=blocks)
    gone -= np.bincount(dealt[inner], weights=np.where(is_positive[inner], inside, 0), minlength=blocks)
    left = [
        each.sum() - np.bincount(dealt, weights=each, minlength=blocks)
        for each in (is_positive, ~is_positive)
    ]
    pairs = left[0] * left[1]
    return np.asarray(np.where(pairs > 0, (below[is_positive].sum() - gone) / np.maximum(pairs, 1), np.nan))


def _ties(*keys: NDArray[Any]) -> NDArray[np.intp]:
    """Returns the number of the run of equal values that each is in, ``(n,)``, given sorted ones."""
    begins = np.zeros(len(keys[0]), bool)
    for key in keys:
        begins[1:] |= key[1:] != key[:-1]
    return np.cumsum(begins)


def _below(tie: NDArray[np.intp], counted: NDArray[np.bool_]) -> Floats:
    """Returns how many that count are in runs before each one's, and half of those in its own, ``(n,)``."""
    counts = np.bincount(tie, weights=counted)
    return np.asarray((np.cumsum(counts) - counts / 2)[tie])


def _without(place: Blocks, blocks: int, width: int) -> Floats:
    """Returns how often each column is met without each block, ``(blocks, width)``."""
    counts = np.bincount(place, minlength=blocks * width).reshape(blocks, width)
    return np.asarray(counts.sum(axis=0) - counts, np.float64)
