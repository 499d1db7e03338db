"""How good the answers to several labels are: each by its own task, the first one's first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trimtab.tasks.multilabel.judging import USUAL_THRESHOLD
from trimtab.tasks.quality import Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trimtab.tasks.base import Array, Floats, Target
    from trimtab.tasks.joint.parts import Part
    from trimtab.tasks.metrics.base import View


class Judging:
    """See ``base.Judging``.

    Scores, views and the headline are the first label's: it is what tables show first. What limits ask of the
    others they ask of the others' parts, see ``evaluate.limits``.

    Args:
        parts: The labels.
    """

    def __init__(self, parts: list[Part]) -> None:
        self._parts, self._first = parts, parts[0].task.judging
        self.headline, self.form = self._first.headline, self._first.form

    def answers(self, inputs: Array, outputs: Floats) -> Floats:  # noqa: ARG002
        """Returns the outputs; a task whose answers are others is refused beside a second label."""
        return outputs

    def view(self, outputs: Floats, labels: Array, target: Target, model_target: Target) -> View:
        """Returns the first label's."""
        first, own, others = self._parts[0], _first(target), _first(model_target)
        return self._first.view(first.answers(outputs), first.labels(labels), own, others)

    def thresholds(self, outputs: Floats, labels: Array, target: Target) -> list[float]:  # noqa: ARG002
        """Returns one a column of the answers where a task chooses any: elsewhere they mean nothing."""
        chosen = [
            part.task.judging.thresholds(part.answers(outputs), part.labels(labels), part.target)
            for part in self._parts
        ]
        if not any(chosen):
            return []
        filled = [
            own or [USUAL_THRESHOLD] * part.width for own, part in zip(chosen, self._parts, strict=True)
        ]
        return [threshold for own in filled for threshold in own]

    def scores(
        self, outputs: Floats, labels: Array, target: Target, model_target: Target
    ) -> NDArray[np.float64]:
        """Returns the first label's."""
        first, own, others = self._parts[0], _first(target), _first(model_target)
        return self._first.scores(first.answers(outputs), first.labels(labels), own, others)

    def quality(self, outputs: Floats, labels: Array, target: Target) -> Quality:
        """Returns the first label's, under its own names, and each label's by itself."""
        alone = {
            part.name: part.task.judging.quality(
                part.answers(outputs), part.labels(labels), target.parts[part.name]
            )
            for part in self._parts
        }
        first = next(iter(alone.values()))
        return Quality(first.metrics, first.scores, first.per_class, first.confusion, alone)

    def no_better_than_a_constant(self, scores: Floats, labels: Array, target: Target) -> str:
        """Returns what is to be said of the first label's."""
        first = self._parts[0]
        warning = self._first.no_better_than_a_constant(scores, first.labels(labels), _first(target))
        return warning and f"{first.name}: {warning}"


def _first(target: Target) -> Target:
    return next(iter(target.parts.values()))
