"""What the outputs of a model say of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field


class ClassMetrics(BaseModel):
    """Quality on the test examples of one class; of masks, on its pixels, in so many images.

    Attributes:
        iou: Of masks: the intersection over the union.
    """

    precision: float
    recall: float
    f1: float
    examples: int
    iou: float | None = Field(None, exclude_if=lambda iou: iou is None)


@dataclass(frozen=True)
class Quality:
    """What the outputs say of a candidate.

    Attributes:
        metrics: By name, as in ``Evaluation.metrics``; the headline is among them.
        scores: Per example, ``(n,)``: the headline is their mean, and the paired proof works on them.
        per_class: By class name.
        confusion: Rows are true classes, columns predicted ones.
        outputs: The same of each of several labels by its name; of one label, nothing.
    """

    metrics: dict[str, float]
    scores: NDArray[np.float32]
    per_class: dict[str, ClassMetrics] = field(default_factory=dict)
    confusion: list[list[int]] = field(default_factory=list)
    outputs: dict[str, Quality] = field(default_factory=dict)
