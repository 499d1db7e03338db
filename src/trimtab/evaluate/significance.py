"""The proof of a task's headline: how much worse than the baseline a candidate may be, on the same examples.

Both limits are one-sided and paired, and hold per candidate at the stated confidence, for test examples (or
groups of them) that are drawn independently from what the model will meet. An upper limit within the budget
is the same as a test of "the drop is at least the budget" that rejects: a model that is at or past the budget
passes with a probability of at most 1 - confidence, where ``bounds`` calls it proven.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Drop
from trimtab.evaluate.bounds import proportions as shares
from trimtab.evaluate.bounds import skewed_means
from trimtab.evaluate.bounds.base import Bound, Floats, Groups, Needs, totals
from trimtab.evaluate.bounds.means import NEEDS, means, needs_of
from trimtab.evaluate.out_of_fold import factor
from trimtab.tasks import registry as tasks

_Scores = NDArray[np.floating]
_MOST_EXAMPLES = 10_000_000
_LEAST_ERROR = 1e-12
_OF_ERRORS = needs_of(relative=True, root=1)


class Loss(Protocol):
    """A loss in the mean of a score per example."""

    def bound(self, before: Floats, after: Floats, confidence: float, groups: Groups | None) -> Bound:
        """Returns the bound of the loss."""

    def losses(self, before: Floats, after: Floats, limit: float) -> Floats:
        """Returns the loss on each example, ``(n,)``; see the function ``losses``."""

    def proof(
        self, before: Floats, after: Floats, budget: float, confidence: float, groups: Groups | None
    ) -> Callable[[int], bool] | None:
        """Returns whether so many examples with the rates that were seen prove the budget, as a function.

        Returns:
            None if the observed loss is not below the budget.
        """


class _Proportions:
    """Of examples that are right or wrong."""

    def bound(self, before: Floats, after: Floats, confidence: float, groups: Groups | None) -> Bound:
        return shares.proportions(before, after, confidence, groups)

    def losses(
        self,
        before: Floats,
        after: Floats,
        limit: float,  # noqa: ARG002 - other losses depend on it
    ) -> Floats:
        return before - after

    def proof(
        self, before: Floats, after: Floats, budget: float, confidence: float, groups: Groups | None
    ) -> Callable[[int], bool] | None:
        losses, gains = shares.discordant(before, after)
        if losses - gains >= budget * before.size:
            return None
        effect = shares.design_effect(before, after, confidence, groups)
        sums, sizes = totals(before - after, groups), totals(np.ones(before.size), groups)

        def proves(examples: int) -> bool:
            scale = examples / before.size
            table = math.ceil(losses * scale), math.floor(gains * scale)
            proven = shares.upper_limit(*table, examples, confidence, effect) <= budget
            if groups is None or not proven:
                return proven
            units = _over_and_over(sums.size, scale)
            return shares.with_an_unseen_group(sums[units], sizes[units], confidence) <= budget

        return proves


class _Means:
    """Of scores from 0 to 1, of which more is better."""

    def bound(self, before: Floats, after: Floats, confidence: float, groups: Groups | None) -> Bound:
        return means(1 - before, 1 - after, confidence, groups)

    def losses(
        self,
        before: Floats,
        after: Floats,
        limit: float,  # noqa: ARG002 - other losses depend on it
    ) -> Floats:
        return before - after

    def proof(
        self, before: Floats, after: Floats, budget: float, confidence: float, groups: Groups | None
    ) -> Callable[[int], bool] | None:
        return _as_more_examples(
            totals(before - after - budget, groups), before.size, confidence, groups, NEEDS
        )


class _Errors:
    """Of errors, relative to the baseline's mean."""

    def bound(self, before: Floats, after: Floats, confidence: float, groups: Groups | None) -> Bound:
        return means(before, after, confidence, groups, relative=True, needs=_OF_ERRORS)

    def losses(self, before: Floats, after: Floats, limit: float) -> Floats:
        mean = float(before.mean()) if before.size else 1.0
        return limit + (after - (1 + limit) * before) / max(mean, _LEAST_ERROR)

    def proof(
        self, before: Floats, after: Floats, budget: float, confidence: float, groups: Groups | None
    ) -> Callable[[int], bool] | None:
        difference = totals(after - (1 + budget) * before, groups)
        return _as_more_examples(difference, before.size, confidence, groups, _OF_ERRORS)


LOSSES: dict[str, Loss] = {
    "proportions": _Proportions(),
    "means": _Means(),
    "area": _Means(),  # of what each example adds to it, whose variance is DeLong's
    "resampled": _Means(),  # of what each example adds to it, as the delta method has it
    "errors": _Errors(),
}
"""By the name that a task's headline gives."""


def bound(
    baseline: _Scores, candidate: _Scores, confidence: float, task: str, groups: Groups | None = None
) -> Bound:
    """Returns the bound of the loss of quality against the baseline.

    Args:
        baseline: Scores of the baseline on the test examples, ``(n,)``, as the task judges them.
        candidate: Scores of the candidate on the same examples, in the same order.
        confidence: One-sided confidence, such as 0.95.
        task: The task.
        groups: The group of each example, ``(n,)``; None: each is its own.
    """
    before, after = baseline.astype(np.float64), candidate.astype(np.float64)
    return _loss(task).bound(before, after, confidence, groups)


def drop(
    baseline: _Scores, candidate: _Scores, confidence: float, task: str, groups: Groups | None = None
) -> Drop:
    """Returns the loss of quality against the baseline and its limit; arguments as for ``bound``."""
    limit = bound(baseline, candidate, confidence, task, groups)
    return Drop(
        observed=limit.loss, upper_bound=limit.upper, confidence=confidence, examples=int(baseline.size)
    )


def losses(baseline: _Scores, candidate: _Scores, limit: float, task: str) -> NDArray[np.float64]:
    """Returns the loss on each example, of which the mean is what the budget limits, ``(n,)``.

    Args:
        baseline: As for ``drop``.
        candidate: As for ``drop``.
        limit: The largest loss that is allowed; there, an error's relative increase is a mean (Fieller).
        task: As for ``drop``.
    """
    return _loss(task).losses(baseline.astype(np.float64), candidate.astype(np.float64), limit)


def no_drop(examples: int, confidence: float) -> Drop:
    """Returns the drop of the baseline against itself: none, and nothing to prove."""
    return Drop(observed=0.0, upper_bound=0.0, confidence=confidence, examples=examples)


def examples_needed(
    baseline: _Scores,
    candidate: _Scores,
    budget: float,
    confidence: float,
    task: str,
    groups: Groups | None = None,
    folds: int = 1,
) -> int | None:
    """Returns about how many test examples would prove the budget, if the rates seen stayed the same.

    Args:
        baseline: As for ``bound``, as what follows.
        candidate: The candidate's.
        budget: The largest loss that is allowed.
        confidence: One-sided.
        task: The task.
        groups: The group of each example; more of them have the sizes of those that there are.
        folds: How many test the examples, as for ``out_of_fold.factor``.

    Returns:
        The number, or None if the observed drop is not below the budget: then more examples are no help.
    """
    before, after = baseline.astype(np.float64), candidate.astype(np.float64)
    seen = _loss(task).bound(before, after, confidence, groups).loss
    # A limit that is so many times as far from what was seen is within the budget if the plain one is here.
    within = seen + (budget - seen) / factor(tasks.task(task).judging.headline.bound, folds)
    proves = _loss(task).proof(before, after, within, confidence, groups)
    return None if proves is None else _smallest(proves, baseline.size)


def _loss(task: str) -> Loss:
    return LOSSES[tasks.task(task).judging.headline.bound]


def _over_and_over(units: int, scale: float) -> NDArray[np.intp]:
    """Returns the places of units that are seen over and over, until there are so many times as many."""
    return np.arange(math.floor(units * scale)) % units


def _as_more_examples(
    excess: Floats, seen: int, confidence: float, groups: Groups | None, needs: Needs
) -> Callable[[int], bool] | None:
    """Returns whether so many examples, as those seen over and over, rule out the mean of an excess.

    Args:
        excess: What each example, or group of them, has past the budget, ``(units,)``.
        seen: How many examples these are.
        confidence: One-sided.
        groups: The group of each example, ``(n,)``.
        needs: Those of the bound.

    Returns:
        None if what was seen is past the budget.
    """
    if excess.sum() >= 0:
        return None

    def proves(examples: int) -> bool:
        scale = examples / seen
        worse = needs.worst_counts(groups, scale)
        return bool(skewed_means.rules_out(excess[_over_and_over(excess.size, scale)], confidence, worse))

    return proves


def _smallest(proves: Callable[[int], bool], examples: int) -> int | None:
    """Returns the smallest number above ``examples`` that proves, to 5 %, or None above ten million."""
    low, high = examples, 2 * examples
    while not proves(high):
        low, high = high, 2 * high
        if high > _MOST_EXAMPLES:
            return None
    while high > 1.05 * low + 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high
