"""How well the error of repeating an example tells anomalies from normal ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.headline import Area
from trimtab.tasks.metrics.base import Form, View
from trimtab.tasks.metrics.formulas import average_precision, class_metrics, placements
from trimtab.tasks.quality import Quality

if TYPE_CHECKING:
    from trimtab.tasks.base import Array, Floats, Target

HEADLINE = Area("roc_auc", "ROC AUC")
_CHANCE = 0.5


class Judging:
    """See ``base.Judging``; an answer is the mean squared error of repeating an example, ``(n, 1)``."""

    headline = HEADLINE
    form: Form = "scores"

    def answers(self, inputs: Array, outputs: Floats) -> Floats:
        """Returns the mean squared error of each example, ``(n, 1)``."""
        flat = inputs.reshape(len(inputs), -1).astype(np.float64)
        return np.asarray(np.square(flat - outputs).mean(axis=1, keepdims=True), np.float32)

    def view(self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target) -> View:  # noqa: ARG002
        """Returns which examples are anomalies, and their errors."""
        return View(labels, outputs[:, 0].astype(np.float64))

    def thresholds(self, outputs: Floats, labels: NDArray[Any], target: Target) -> list[float]:
        """Returns the error past which a normal example is with at most the stated probability.

        It is that quantile of the errors of the normal validation rows which keeps the probability for one
        more row like them: the split conformal one (R. Laxhammar and G. Falkman, "Inductive conformal anomaly
        detection for sequential detection of anomalous sub-trajectories", Annals of Mathematics and
        Artificial Intelligence 74, 2015). Of too few rows for that it is the largest error seen.
        """
        errors = np.sort(outputs[labels == 0, 0])
        if not len(errors):
            return []
        place = math.ceil((len(errors) + 1) * (1 - target.false_alarm_rate))
        return [float(errors[min(place, len(errors)) - 1])]

    def scores(
        self,
        outputs: Floats,
        labels: NDArray[Any],
        target: Target,  # noqa: ARG002
        model_target: Target,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Returns what each example adds to the ROC AUC, which is their mean: see ``formulas.placements``.

        Where there are no anomalies, or nothing else, each is one half.
        """
        return placements(outputs[:, 0].astype(np.float64), labels > 0)

    def quality(self, outputs: Floats, labels: NDArray[Any], target: Target) -> Quality:
        """Returns ROC AUC, average precision, and what the threshold finds and wrongly alarms."""
        errors, positive = outputs[:, 0].astype(np.float64), labels > 0
        scores = self.scores(outputs, labels, target, target)
        told = decided(outputs, target)
        normal = class_metrics(*(int(each.sum()) for each in (~positive & ~told, ~positive, ~told)))
        anomaly = class_metrics(*(int(each.sum()) for each in (positive & told, positive, told)))
        metrics = {
            HEADLINE.metric: float(scores.mean()),
            "average_precision": average_precision(errors, positive) if positive.any() else 0.0,
            "detection_rate": anomaly.recall,
            "false_alarm_rate": 1 - normal.recall if normal.examples else 0.0,
        }
        return Quality(metrics, scores.astype(np.float32), {"normal": normal, "anomaly": anomaly})

    def no_better_than_a_constant(self, scores: Floats, labels: NDArray[Any], target: Target) -> str:  # noqa: ARG002
        """Returns a warning if anomalies are not clearly repeated worse than normal examples."""
        anomalies = int((labels > 0).sum())
        if not 0 < anomalies < len(labels):
            return (
                f"validation has {anomalies} anomalies among {len(labels)} examples, so that it cannot tell "
                "models apart."
            )
        gain = scores.mean() - _CHANCE
        # One-sided, at 95 %, by the normal approximation: on few examples, chance alone can look better.
        if gain > 1.645 * scores.std() / math.sqrt(len(scores)):
            return ""
        return (
            f"the ROC AUC on {len(labels)} validation examples, {anomalies} of them anomalies, is "
            f"{scores.mean():.1%}, not clearly more than by chance (50 %)."
        )


def decided(outputs: Floats, target: Target) -> NDArray[np.bool_]:
    """Returns which errors are of anomalies, ``(n,)``: without a threshold, none."""
    threshold = target.thresholds[0] if target.thresholds else math.inf
    return np.asarray(outputs[:, 0] > threshold)
