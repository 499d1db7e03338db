"""How well masks overlap with the true ones: pixels are counted over all images, and each is a unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.headline import Overlap
from trimtab.tasks.masks import IGNORED
from trimtab.tasks.metrics.base import Form, View
from trimtab.tasks.metrics.formulas import class_metrics
from trimtab.tasks.metrics.overlap import counted, influences, joined, mean_iou
from trimtab.tasks.quality import Quality

if TYPE_CHECKING:
    from trimtab.tasks.base import Array, Floats, Target

HEADLINE = Overlap("mean_iou", "mean IoU")
_Ints = NDArray[np.int64]
_AT_ONCE = 64


class Judging:
    """See ``base.Judging``; an answer is the most probable class of each pixel, ``(n, pixels)``."""

    headline = HEADLINE
    form: Form = "masks"

    def answers(self, inputs: Array, outputs: Floats) -> Floats:
        """Returns the most probable class of each pixel, and nan where an image's outputs are no numbers."""
        pixels = math.prod(inputs.shape[1:3])
        told = np.asarray(outputs.reshape(len(outputs), pixels, -1).argmax(axis=2), np.float32)
        told[~np.isfinite(outputs).all(axis=1)] = np.nan
        return told

    def view(self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target) -> View:
        """Returns the pixels of each class in every image; see ``metrics.overlap``."""
        confusion = _confusion(outputs, labels, target, model_target)
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        findings = confusion.sum(axis=1)[:, : len(target.classes)]
        return View(confusion.sum(axis=2), joined(hits, findings))

    def thresholds(self, outputs: Floats, labels: NDArray[Any], target: Target) -> list[float]:  # noqa: ARG002
        """Returns none."""
        return []

    def scores(
        self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target
    ) -> NDArray[np.float64]:
        """Returns what each image adds to the mean IoU, which is their mean: see ``metrics.overlap``."""
        view = self.view(outputs, labels, target, model_target)
        return influences(view.labels, view.answers)

    def quality(self, outputs: Floats, labels: NDArray[Any], target: Target) -> Quality:
        """Returns mean IoU, pixel accuracy, and by class what is found; the confusion is of pixels."""
        view = self.view(outputs, labels, target, target)
        confusion = _confusion(outputs, labels, target, target).sum(axis=0)[:, : len(target.classes)]
        images = (view.labels > 0).sum(axis=0)
        hits, truly, findings = (each.sum(axis=0) for each in counted(view.labels, view.answers))
        per_class = {}
        for place, name in enumerate(target.classes):
            found = class_metrics(int(hits[place]), int(truly[place]), int(findings[place]))
            either = truly[place] + findings[place] - hits[place]
            iou = float(hits[place] / either) if either else 0.0
            per_class[name] = found.model_copy(update={"examples": int(images[place]), "iou": iou})
        metrics = {
            HEADLINE.metric: mean_iou(view.labels, view.answers),
            "pixel_accuracy": float(hits.sum() / max(truly.sum(), 1)),
        }
        scores = influences(view.labels, view.answers).astype(np.float32)
        return Quality(metrics, scores, per_class, confusion.tolist())

    def no_better_than_a_constant(self, scores: Floats, labels: NDArray[Any], target: Target) -> str:
        """Returns a warning if the masks overlap no better than those of the most frequent class alone."""
        counts = np.bincount(labels[labels != IGNORED].ravel(), minlength=len(target.classes))
        constant = counts.max() / max(counts.sum(), 1) / max((counts > 0).sum(), 1)
        if scores.mean() > constant:
            return ""
        return (
            f"the model's mean IoU on {len(labels)} validation images is {scores.mean():.1%}; always saying "
            f"{target.classes[int(counts.argmax())]} gives {constant:.1%}."
        )


def _confusion(outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target) -> _Ints:
    """Returns the pixels of every image by true class and told class, ``(n, classes, classes + 1)``.

    In the last column are those that are told to be of a class that the data does not have.
    """
    count = len(target.classes)
    places = {name: place for place, name in enumerate(target.classes)}
    as_data = np.array([places.get(name, count) for name in model_target.classes])
    parts = [
        _counts(as_data[outputs[rows].astype(np.int64)], labels[rows], count)
        for rows in (slice(at, at + _AT_ONCE) for at in range(0, len(labels), _AT_ONCE))
    ]
    return np.concatenate(parts) if parts else np.zeros((0, count, count + 1), np.int64)


def _counts(told: _Ints, labels: NDArray[Any], count: int) -> _Ints:
    n = len(labels)
    image = np.repeat(np.arange(n), labels.shape[1]).reshape(labels.shape)
    place = (image * count + labels) * (count + 1) + told
    counts = np.bincount(place[labels != IGNORED], minlength=n * count * (count + 1))
    return counts.reshape(n, count, count + 1)
