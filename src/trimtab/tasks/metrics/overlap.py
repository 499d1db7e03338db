"""How well masks overlap: pixels are counted over all images, and the image is the unit of the proof.

The form ``masks`` has the counts of every image: of the pixels that are truly of each class,
``(n, classes)``, as labels; and as answers of those that are rightly told, and of all that are told to be of
it, side by side, ``(n, 2 * classes)``. A metric is a ratio of sums over images, as F1 is, and bounded as F1
is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics.base import Array, Asked, Floats, Form, Measure, Metric, class_index, of_class
from trimtab.tasks.metrics.left_out import Blocks, Counts

LEAST_IMAGES = 150
"""With fewer images of the rarest class, damage to 2 % of all images, and so to hardly any of these, passes
in 6 % of tests at 95 % (100 of 1,000) to 13 % (50 of 1,000); with as many, in 3 %."""

_MASKS: frozenset[Form] = frozenset({"masks"})


def joined(hits: NDArray[Any], findings: NDArray[Any]) -> NDArray[Any]:
    """Returns what a model told of every image as ``View.answers`` of this form."""
    return np.concatenate([hits, findings], axis=1)


def counted(labels: Array, answers: Array) -> tuple[Floats, Floats, Floats]:
    """Returns hits, pixels and findings of every image and class, ``(n, classes)`` each."""
    classes = labels.shape[1]
    hits, findings = answers[:, :classes], answers[:, classes:]
    return hits.astype(np.float64), labels.astype(np.float64), findings.astype(np.float64)


def mean_iou(labels: Array, answers: Array) -> float:
    """Returns the mean over classes that occur of the intersection over the union of all images' pixels.

    (M. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88, 2010.)
    """
    return float(_mean_iou(*_sums(labels, answers)))


def influences(labels: Array, answers: Array) -> Floats:
    """Returns what each image adds to the mean IoU, ``(n,)``: their mean is the mean IoU itself.

    Of a ratio of sums, the value and the image's influence on it (F. R. Hampel, "The Influence Curve and Its
    Role in Robust Estimation", JASA 69, 1974).
    """
    hits, truly, findings = counted(labels, answers)
    union = truly + findings - hits
    there = truly.sum(axis=0) > 0
    if not there.any():
        return np.zeros(len(labels))
    whole = np.maximum(union.sum(axis=0), 1)
    iou = hits.sum(axis=0) / whole
    added = iou + (hits - iou * union) / (whole / len(labels))
    return np.asarray(added[:, there].mean(axis=1))


def _mean_iou(hits: Floats, truly: Floats, findings: Floats) -> Floats:
    there = truly > 0
    overlaps = np.where(there, hits / np.maximum(truly + findings - hits, 1), 0.0).sum(axis=-1)
    count = there.sum(axis=-1)
    return np.asarray(np.where(count, overlaps / np.maximum(count, 1), np.nan))


def _accuracy(hits: Floats, truly: Floats, _: Floats) -> Floats:
    pixels = truly.sum(axis=-1)
    return np.asarray(np.where(pixels, hits.sum(axis=-1) / np.maximum(pixels, 1), np.nan))


def _sums(labels: Array, answers: Array) -> tuple[Floats, Floats, Floats]:
    hits, truly, findings = (each.sum(axis=0) for each in counted(labels, answers))
    return hits, truly, findings


def _make_mean_iou(*_: object) -> Measure:
    return _of_counts("mean IoU", _mean_iou, _least_frequent)


def _make_accuracy(*_: object) -> Measure:
    return _of_counts("pixel accuracy", _accuracy, lambda labels: np.ones(len(labels), bool))


def _make_iou(asked: Asked, classes: list[str]) -> Measure:
    index = class_index(asked, classes)
    if index is None:
        raise ValueError(f"iou is of one of the {len(classes)} classes: name it, or use per_class")

    def iou(hits: Floats, truly: Floats, findings: Floats) -> Floats:
        union = (truly + findings - hits)[..., index]
        return np.asarray(np.where(union, hits[..., index] / np.maximum(union, 1), np.nan))

    return _of_counts(of_class("IoU", asked), iou, lambda labels: labels[:, index] > 0)


def _least_frequent(labels: Array) -> NDArray[np.bool_]:
    """Returns which images have the class that the fewest have, of those that any has, ``(n,)``."""
    there = labels[:, labels.any(axis=0)] > 0
    if not there.shape[1]:
        return np.zeros(len(labels), bool)
    return np.asarray(there[:, int(there.sum(axis=0).argmin())])


def _of_counts(name: str, formula: Counts, rarest: Any) -> Measure:
    def value(labels: Array, answers: Array) -> float:
        return float(formula(*_sums(labels, answers)))

    def without(labels: Array, answers: Array, block: Blocks, blocks: int) -> Floats:
        return formula(*(_left(each, block, blocks) for each in counted(labels, answers)))

    return Measure(
        name,
        "higher",
        "points",
        "resampled",
        value,
        without=without,
        rarest=rarest,
        least_rarest=LEAST_IMAGES,
    )


def _left(counts: Floats, block: Blocks, blocks: int) -> Floats:
    """Returns the sums without each block of images, ``(blocks, classes)``."""
    parts = np.zeros((blocks, counts.shape[1]))
    np.add.at(parts, block, counts)
    return np.asarray(counts.sum(axis=0) - parts)


METRICS = {
    "mean_iou": Metric("higher", _MASKS, _make_mean_iou, is_share=True),
    "iou": Metric("higher", _MASKS, _make_iou, is_share=True, takes=frozenset({"class"})),
    "pixel_accuracy": Metric("higher", _MASKS, _make_accuracy, is_share=True),
}
