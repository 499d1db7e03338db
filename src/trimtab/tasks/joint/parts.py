"""The labels of a row, side by side: which columns of encoded labels and of answers are whose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.tasks.registry import task

if TYPE_CHECKING:
    from trimtab.tasks.base import Array, Floats, Target, Task


@dataclass(frozen=True)
class Part:
    """One of several labels.

    Attributes:
        name: The label's, and its output's.
        target: What is known of it alone.
        task: What it means.
        y: Its columns among encoded labels.
        outputs: Its columns among answers.
    """

    name: str
    target: Target
    task: Task
    y: slice
    outputs: slice

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Returns the shape of one row's label, alone."""
        return self.task.meaning.y_shape(self.target)

    @property
    def width(self) -> int:
        """Returns how many values an answer to it has."""
        return self.outputs.stop - self.outputs.start  # type: ignore[no-any-return]

    def labels(self, y: Array) -> Array:
        """Returns its labels as its task encodes them, ``(n, *y_shape)``, of all."""
        return y[:, self.y].reshape(len(y), *self.y_shape).astype(self.task.meaning.y_dtype)

    def answers(self, outputs: Floats) -> Floats:
        """Returns its answers, ``(n, width)``, of those of all."""
        return outputs[:, self.outputs]


def parts_of(target: Target) -> list[Part]:
    """Returns the labels in their order.

    Args:
        target: What is known of several labels.
    """
    parts, y, outputs = list[Part](), 0, 0
    for name, alone in target.parts.items():
        meaning = task(alone.task).meaning
        columns, width = math.prod(meaning.y_shape(alone)), meaning.outputs(alone)
        mine = slice(y, y + columns), slice(outputs, outputs + width)
        parts.append(Part(name, alone, task(alone.task), *mine))
        y, outputs = y + columns, outputs + width
    return parts


def side_by_side(columns: list[Array]) -> Array:
    """Returns labels ``(n, *y_shape)`` of several parts as they are stored together, ``(n, columns)``."""
    return np.concatenate(
        [np.asarray(values, np.float32).reshape(len(values), -1) for values in columns], axis=1
    )
