"""What validation says of a limit, in the form that ``forecast`` takes: losses whose mean is what is limited.

Of a metric that is a mean over examples these are the losses of examples. Of any other they are a jackknife's
pseudo-values over blocks (J. W. Tukey, "Bias and confidence in not-quite large samples", Annals of
Mathematical Statistics 29, 1958): how much the metric's loss changes without a block, times their number. A
poor forecast costs power, never the level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import Limit
from trimtab.evaluate.limits import Data, Demand, Split
from trimtab.tasks.metrics.base import Measure, View

_Floats = NDArray[np.float64]
_BLOCKS = 40
_LEAST_MARGIN = 1e-3
_LEAST_MEAN = 1e-12


@dataclass(frozen=True)
class Stake:
    """A limit, and what the forecast has to know of it.

    Attributes:
        limit: The limit.
        margin: The largest mean loss that is allowed.
        examples: How many independent losses the test is worth, in those that validation has.
        least_variance: The least variance of one, see ``forecast.p_values``.
    """

    limit: Limit
    margin: float
    examples: int
    least_variance: float = 0.0

    @property
    def is_paired(self) -> bool:
        """Returns whether it is about answers that are right or wrong, beside the baseline's."""
        return self.limit.bound == "proportions" and not self.limit.is_alone


class Expectation:
    """A limit on the validation split, beside the baseline.

    Args:
        demand: The limit.
        split: The validation split, which may be empty.
        before: What the baseline made of it.
        test_examples: How many rows the test split has.
    """

    def __init__(self, demand: Demand, split: Split, before: Examples, test_examples: int) -> None:
        self._demand, self._split, self._test_examples = demand, split, test_examples
        self._rows = demand.rows(split) if split.count else np.empty(0, np.intp)
        self._without: _Floats | None = None
        seen = demand.data(split, before, self._rows) if len(self._rows) else None
        # Of a metric of groups, there may be none on validation that tells models apart.
        self._before = None if seen is None or (seen.scores is not None and not len(seen.scores)) else seen

    @property
    def stake(self) -> Stake:
        """Returns what the forecast has to know."""
        limit, measure = self._demand.limit, self._demand.measure
        by_row = self._is_mean or not len(self._rows)
        # Not the number of test rows of a class: that is counted by their labels.
        units = len(self._rows)
        if measure.per_group is not None:
            units = 0 if self._before is None else len(self._before.known)
        share = units / self._split.count if units else 1.0
        examples = self._test_examples * share * (1 if by_row else self._blocks / len(self._rows))
        is_alone = limit.is_alone and measure.bound == "proportions"
        least = max(limit.value * (1 - limit.value), 0.0) if is_alone else 0.0
        return Stake(limit, self._margin, max(round(examples), 2), least)

    def losses(self, after: Examples) -> _Floats:
        """Returns the losses of a candidate, ``(n,)`` rows or blocks; none where validation has no row."""
        if self._before is None:
            return np.empty(0)
        before, now = self._before, self._demand.data(self._split, after, self._rows)
        if self._is_mean:
            return _of_rows(before.known, now.known, self._demand.measure, self._margin)
        assert before.view is not None
        assert now.view is not None
        if self._without is None:
            self._without = _left_out(self._demand.measure, before.view, self._blocks)
        return _of_blocks(self._demand.measure, self._without, now.view, self._blocks)

    @property
    def _is_mean(self) -> bool:
        return self._demand.measure.bound in ("proportions", "means")

    @property
    def _blocks(self) -> int:
        return min(_BLOCKS, len(self._rows))

    @property
    def _margin(self) -> float:
        limit, measure = self._demand.limit, self._demand.measure
        if limit.is_alone:
            return self._room(self._before)
        return (1 + limit.max_loss) ** measure.root - 1 if measure.root > 1 else limit.max_loss

    def _room(self, before: Data | None) -> float:
        """Returns how far the baseline is from a limit that stands alone."""
        limit, measure = self._demand.limit, self._demand.measure
        value = limit.value if before is None else before.value(measure)
        room = value - limit.value if measure.better == "higher" else limit.value - value
        if measure.relative:
            room = (1 + room / max(abs(value), _LEAST_MEAN)) ** measure.root - 1
        return max(room, _LEAST_MARGIN) if np.isfinite(room) else _LEAST_MARGIN


def _of_rows(before: _Floats, after: _Floats, measure: Measure, margin: float) -> _Floats:
    """Returns the loss of each row; at the margin, a relative increase is a mean (Fieller)."""
    if measure.relative:
        mean = max(float(before.mean()), _LEAST_MEAN)
        return np.asarray(margin + (after - (1 + margin) * before) / mean)
    return before - after if measure.better == "higher" else after - before


def _of_blocks(measure: Measure, was: _Floats, after: View, blocks: int) -> _Floats:
    now = _left_out(measure, after, blocks)
    loss = was - now if measure.better == "higher" else now - was
    loss = loss / np.maximum(np.abs(was), _LEAST_MEAN) if measure.relative else loss
    everything, without = loss[0], loss[1:]
    pseudo_values = blocks * everything - (blocks - 1) * without
    # Where a metric is not defined without a block, that block says nothing of its own.
    return np.where(np.isfinite(pseudo_values), pseudo_values, everything if np.isfinite(everything) else 0.0)


def _left_out(measure: Measure, view: View, blocks: int) -> _Floats:
    """Returns the metric of all examples, and without each block, ``(1 + blocks,)``."""
    assert measure.value is not None
    block, (labels, answers) = _dealt(view.labels, blocks), (view.labels, view.answers)
    if measure.without is not None:
        without = measure.without(labels, answers, block, blocks)
    else:
        masks = (block != each for each in range(blocks))
        without = np.array([measure.value(labels[rows], answers[rows]) for rows in masks], np.float64)
    return np.concatenate([[measure.value(labels, answers)], without])


def _dealt(labels: NDArray[np.generic], blocks: int) -> NDArray[np.intp]:
    """Returns the block of each row, dealt out label by label, so that each block has its share of all."""
    order = np.argsort(labels if labels.ndim == 1 else labels.sum(axis=1), kind="stable")
    block = np.empty(len(order), np.intp)
    block[order] = np.arange(len(order)) % blocks
    return block
