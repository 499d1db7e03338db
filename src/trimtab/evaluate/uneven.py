"""Whether a part of the test rows loses more than the others: a class, or a slice.

The loss of a small part swings by chance, and of many parts one looks bad always. So a part is said to lose
more only where the lower confidence limit of its loss is above the upper one of all other rows. The level is
shared out over both limits of every part (Bonferroni): the chance that any part is called worse which is not
is at most 1 - confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import PartKind, PartLoss
from trimtab.evaluate.bounds.base import Bound, Groups
from trimtab.evaluate.out_of_fold import widened
from trimtab.evaluate.significance import bound
from trimtab.tasks import registry as tasks

MOST_PARTS = 200
"""Of more classes, those with the most rows are compared: of the others nothing could be shown."""

_BY_ROW = ("proportions", "means", "errors")
_Scores = NDArray[np.floating]
_Rows = NDArray[np.bool_]


def losses(
    parts: Mapping[tuple[PartKind, str], _Rows],
    before: _Scores,
    after: _Scores,
    confidence: float,
    task: str,
    groups: Groups | None = None,
    folds: int = 1,
) -> list[PartLoss]:
    """Returns the loss of each part beside that of all other rows, the largest loss first.

    Args:
        parts: The rows of each part, ``(n,)``, by kind and name; those without rows are left out.
        before: Scores of the baseline on the test examples, ``(n,)``, as the task judges them.
        after: The candidate's on the same examples.
        confidence: One-sided, of all that is said together.
        task: The task; one whose score is no mean over rows has no parts.
        groups: The group of each example, ``(n,)``; None: each is its own.
        folds: How many models answered, each the rows that it was made without.
    """
    if tasks.task(task).judging.headline.bound not in _BY_ROW:
        return []
    largest = _largest({part: rows for part, rows in parts.items() if rows.any()})
    sure = 1 - (1 - confidence) / max(2 * len(largest), 1)
    measured = _Measured(before, after, sure, task, groups, folds)
    return sorted(
        (measured.part(*part, rows) for part, rows in largest.items()),
        key=lambda loss: (-loss.loss, loss.part),
    )


def _largest(parts: Mapping[tuple[PartKind, str], _Rows]) -> dict[tuple[PartKind, str], _Rows]:
    by_size = sorted(parts, key=lambda part: -int(parts[part].sum()))
    return {part: parts[part] for part in by_size[:MOST_PARTS]}


class _Measured:
    """The loss on any rows, at one confidence."""

    def __init__(
        self,
        before: _Scores,
        after: _Scores,
        confidence: float,
        task: str,
        groups: Groups | None,
        folds: int,
    ) -> None:
        self._before, self._after, self._groups = before, after, groups
        self._confidence, self._task = confidence, task
        self._by, self._folds = tasks.task(task).judging.headline.bound, folds

    def part(self, kind: PartKind, name: str, rows: _Rows) -> PartLoss:
        part, others = self._bound(rows), self._bound(~rows)
        return PartLoss(
            kind=kind,
            part=name,
            examples=int(rows.sum()),
            loss=part.loss,
            others=others.loss,
            larger=part.loss > others.loss and self._is_larger(rows, [part, others]),
        )

    def _is_larger(self, rows: _Rows, bounds: Sequence[Bound]) -> bool:
        if rows.all() or not all(bound.proven for bound in bounds):
            return False
        gain = self._bound(rows, swapped=True).upper
        lower = -gain / (1 + gain) if self._by == "errors" else -gain
        return lower > bounds[1].upper

    def _bound(self, rows: _Rows, *, swapped: bool = False) -> Bound:
        before, after = self._before[rows], self._after[rows]
        if not len(before):
            return Bound(0.0, 0.0, "", proven=False, why_not="there are no other rows")
        groups = None if self._groups is None else self._groups[rows]
        pair = (after, before) if swapped else (before, after)
        found = bound(*pair, self._confidence, self._task, groups)
        return widened(found, self._by, self._folds)
