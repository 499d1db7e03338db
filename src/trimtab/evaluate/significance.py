"""The proof: how much worse than the baseline a candidate may be, given the same test examples.

Both limits are one-sided and paired, and hold per candidate at the stated confidence, for test examples that
are drawn independently from what the model will meet. An upper limit within the budget is the same as a test
of "the drop is at least the budget" that rejects: a model that is at or past the budget passes with a
probability of at most 1 - confidence. (Errors of regression: as far as ``paired_errors`` says.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Drop
from trimtab.evaluate import paired_errors, paired_proportions
from trimtab.tasks import registry as tasks

_Scores = NDArray[np.floating]
_MOST_EXAMPLES = 10_000_000
_LEAST_ERROR = 1e-12


class Bound(Protocol):
    """A paired proof of a loss."""

    def limits(self, baseline: _Scores, candidate: _Scores, confidence: float) -> tuple[float, float]:
        """Returns the observed loss and its upper limit."""

    def losses(
        self, before: NDArray[np.float64], after: NDArray[np.float64], limit: float
    ) -> NDArray[np.float64]:
        """Returns the loss on each example, ``(n,)``; see the function ``losses``."""

    def proof(
        self, baseline: _Scores, candidate: _Scores, budget: float, confidence: float
    ) -> Callable[[int], bool] | None:
        """Returns whether so many examples with the rates that were seen prove the budget, as a function.

        Returns:
            None if the observed loss is not below the budget.
        """


class _Proportions:
    """Of examples that are right or wrong."""

    def losses(
        self,
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        limit: float,  # noqa: ARG002 - other bounds' losses depend on it
    ) -> NDArray[np.float64]:
        return before - after

    def limits(self, baseline: _Scores, candidate: _Scores, confidence: float) -> tuple[float, float]:
        losses, gains = _discordant(baseline, candidate)
        limit = paired_proportions.upper_limit(losses, gains, int(baseline.size), confidence)
        return (losses - gains) / baseline.size, limit

    def proof(
        self, baseline: _Scores, candidate: _Scores, budget: float, confidence: float
    ) -> Callable[[int], bool] | None:
        losses, gains = _discordant(baseline, candidate)
        if losses - gains >= budget * baseline.size:
            return None

        def proves(examples: int) -> bool:
            scale = examples / baseline.size
            table = math.ceil(losses * scale), math.floor(gains * scale)
            return paired_proportions.upper_limit(*table, examples, confidence) <= budget

        return proves


class _Errors:
    """Of errors, relative to the baseline's mean."""

    def losses(
        self, before: NDArray[np.float64], after: NDArray[np.float64], limit: float
    ) -> NDArray[np.float64]:
        mean = float(before.mean()) if before.size else 1.0
        return limit + (after - (1 + limit) * before) / max(mean, _LEAST_ERROR)

    def limits(self, baseline: _Scores, candidate: _Scores, confidence: float) -> tuple[float, float]:
        before, after = baseline.astype(np.float64), candidate.astype(np.float64)
        observed = _increase(float(before.mean()), float(after.mean()))
        return observed, paired_errors.upper_limit(before, after, confidence)

    def proof(
        self, baseline: _Scores, candidate: _Scores, budget: float, confidence: float
    ) -> Callable[[int], bool] | None:
        before, after = baseline.astype(np.float64), candidate.astype(np.float64)
        if after.mean() >= (1 + budget) * before.mean():
            return None

        def proves(examples: int) -> bool:
            pick = np.arange(examples) % baseline.size
            return paired_errors.rules_out(before[pick], after[pick], budget, confidence)

        return proves


BOUNDS: dict[str, Bound] = {"proportions": _Proportions(), "errors": _Errors()}
"""By the name that a task's headline gives."""


def drop(baseline: _Scores, candidate: _Scores, confidence: float, task: str) -> Drop:
    """Returns the loss of quality against the baseline and its proven limit.

    Args:
        baseline: Scores of the baseline on the test examples, ``(n,)``, as the task judges them.
        candidate: Scores of the candidate on the same examples, in the same order.
        confidence: One-sided confidence, such as 0.95.
        task: The task.
    """
    observed, limit = _bound(task).limits(baseline, candidate, confidence)
    return Drop(observed=observed, upper_bound=limit, confidence=confidence, examples=int(baseline.size))


def losses(baseline: _Scores, candidate: _Scores, limit: float, task: str) -> NDArray[np.float64]:
    """Returns the loss on each example, of which the mean is what the budget limits, ``(n,)``.

    Args:
        baseline: As for ``drop``.
        candidate: As for ``drop``.
        limit: The largest loss that is allowed; there, an error's relative increase is a mean (Fieller).
        task: As for ``drop``.
    """
    return _bound(task).losses(baseline.astype(np.float64), candidate.astype(np.float64), limit)


def no_drop(examples: int, confidence: float) -> Drop:
    """Returns the drop of the baseline against itself: none, and nothing to prove."""
    return Drop(observed=0.0, upper_bound=0.0, confidence=confidence, examples=examples)


def examples_needed(
    baseline: _Scores, candidate: _Scores, budget: float, confidence: float, task: str
) -> int | None:
    """Returns about how many test examples would prove the budget, if the rates seen stayed the same.

    Returns:
        The number, or None if the observed drop is not below the budget: then more examples are no help.
    """
    proves = _bound(task).proof(baseline, candidate, budget, confidence)
    return None if proves is None else _smallest(proves, baseline.size)


def _bound(task: str) -> Bound:
    return BOUNDS[tasks.task(task).judging.headline.bound]


def _discordant(baseline: _Scores, candidate: _Scores) -> tuple[int, int]:
    """Returns how many examples only the baseline gets right, and how many only the candidate."""
    before, after = baseline > 0.5, candidate > 0.5
    return int((before & ~after).sum()), int((~before & after).sum())


def _increase(before: float, after: float) -> float:
    if before == 0:
        return 0.0 if after == 0 else paired_errors.LARGEST_INCREASE
    return after / before - 1


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
