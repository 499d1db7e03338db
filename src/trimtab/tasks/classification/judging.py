"""Right or wrong, and what the probabilities are worth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.headline import Share
from trimtab.tasks.metrics.base import Form, View
from trimtab.tasks.metrics.formulas import calibration_error, class_metrics, log_loss, roc_auc
from trimtab.tasks.quality import ClassMetrics, Quality

if TYPE_CHECKING:
    from trimtab.tasks.base import Array, Floats, Target

HEADLINE = Share("accuracy", "accuracy")


class Judging:
    """See ``base.Judging``."""

    headline = HEADLINE
    form: Form = "classes"

    def answers(self, inputs: Array, outputs: Floats) -> Floats:  # noqa: ARG002
        """Returns the outputs."""
        return outputs

    def view(self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target) -> View:
        """Returns probabilities in the order of the data's classes, and one for all that it does not have."""
        places = {name: place for place, name in enumerate(model_target.classes)}
        if model_target.classes == target.classes:
            return View(labels, outputs.astype(np.float64))
        known = [places.get(name) for name in target.classes]
        columns = [np.zeros(len(outputs)) if place is None else outputs[:, place] for place in known]
        others = [place for place in range(len(model_target.classes)) if place not in known]
        if others:
            columns.append(outputs[:, others].max(axis=1))
        return View(labels, np.stack(columns, axis=1).astype(np.float64))

    def thresholds(self, outputs: Floats, labels: NDArray[Any], target: Target) -> list[float]:  # noqa: ARG002
        """Returns none."""
        return []

    def scores(
        self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target
    ) -> NDArray[np.float64]:
        """Returns 1 where the most probable class is right, else 0.

        A class that only the model knows is always wrong, as is the lack of one that only the data has.
        """
        index = {name: place for place, name in enumerate(target.classes)}
        known = np.array([index.get(name, -1) for name in model_target.classes])
        return np.asarray(known[outputs.argmax(axis=1)] == labels, np.float64)

    def quality(self, outputs: Floats, labels: NDArray[Any], target: Target) -> Quality:
        """Returns accuracy, its balanced form, F1, and what the probabilities are worth."""
        probabilities, classes = outputs.astype(np.float64), target.classes
        predicted = probabilities.argmax(axis=1)
        right = predicted == labels
        confusion = np.zeros((len(classes), len(classes)), np.int64)
        np.add.at(confusion, (labels, predicted), 1)
        per_class = _per_class(confusion, classes)
        present = [entry for entry in per_class.values() if entry.examples]
        metrics = {
            "accuracy": float(right.mean()),
            "balanced_accuracy": float(np.mean([entry.recall for entry in present])),
            "macro_f1": float(np.mean([entry.f1 for entry in per_class.values()])),
            "log_loss": log_loss(probabilities, labels),
            "calibration_error": calibration_error(probabilities.max(axis=1), right),
        }
        if len(classes) == 2 and len(present) == 2:
            metrics["roc_auc"] = roc_auc(probabilities[:, 1], labels == 1)
        return Quality(metrics, right.astype(np.float32), per_class, confusion.tolist())

    def no_better_than_a_constant(self, scores: Floats, labels: NDArray[Any], target: Target) -> str:  # noqa: ARG002
        """Returns a warning if the model is not clearly better than the most frequent class."""
        constant = float(np.bincount(labels).max() / len(labels))
        # One-sided, at 95 %, by the normal approximation: on few examples, chance alone can look better.
        if scores.mean() - constant >= 1.645 * math.sqrt(constant * (1 - constant) / len(labels)):
            return ""
        return (
            f"the model is right on {scores.mean():.1%} of {len(labels)} validation examples, not clearly "
            f"more than always guessing the most frequent class ({constant:.1%})."
        )


def _per_class(confusion: NDArray[np.int64], classes: list[str]) -> dict[str, ClassMetrics]:
    return {
        name: class_metrics(confusion[place, place], confusion[place].sum(), confusion[:, place].sum())
        for place, name in enumerate(classes)
    }
