"""The labels of a row as one vector of floats: each label's numbers, in the order of the labels.

What is asked of a column is asked of the first label's, by which rows are shared out to the splits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trimtab.tasks.joint.parts import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from trimtab.config.data import Data
    from trimtab.tasks.base import Array, LabelSummary, LabelValues, Target, YDtype
    from trimtab.tasks.joint.parts import Part


class Meaning:
    """See ``base.Meaning``.

    Args:
        parts: The labels.
    """

    is_numeric = False
    takes_several = False
    takes_masks = False
    trains_on_normal_rows = False
    y_dtype: YDtype = "float32"
    """Indices of classes are exact in it: there are fewer than 2 to the 24th."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts, self._first = parts, parts[0].task.meaning

    def y_shape(self, target: Target) -> tuple[int, ...]:  # noqa: ARG002
        """Returns that of all labels' numbers."""
        return (self._parts[-1].y.stop,)

    def is_likely(self, column: LabelSummary, config: Data) -> bool:  # noqa: ARG002
        """Returns that no column is several labels."""
        return False

    def unlabelled(self, column: LabelSummary, rows: int) -> int:
        """See ``base.Meaning.unlabelled``."""
        return self._first.unlabelled(column, rows)

    def counts(self, column: LabelSummary) -> Mapping[str, int]:
        """See ``base.Meaning.counts``."""
        return self._first.counts(column)

    def classes(self, column: LabelSummary, label: str, config: Data) -> list[str]:
        """See ``base.Meaning.classes``."""
        return self._first.classes(column, label, config)

    def objection(self, columns: Mapping[str, LabelSummary], config: Data) -> tuple[str, str] | None:
        """See ``base.Meaning.objection``."""
        return self._first.objection(columns, config)

    def scale(self, column: LabelSummary) -> tuple[float, float]:
        """See ``base.Meaning.scale``."""
        return self._first.scale(column)

    def outputs(self, target: Target) -> int:  # noqa: ARG002
        """Returns the widths of all outputs together."""
        return int(self._parts[-1].outputs.stop)

    def encode(self, labels: LabelValues, target: Target) -> tuple[Array, NDArray[np.bool_]]:  # noqa: ARG002
        """Returns all labels side by side; a row that lacks one of them has none."""
        encoded = [part.task.meaning.encode(labels.of(part.name), part.target) for part in self._parts]
        usable = np.logical_and.reduce([each for _, each in encoded])
        return side_by_side([y for y, _ in encoded]), usable

    def class_indices(self, y: Array) -> list[int]:
        """Returns those of the first label."""
        return self._first.class_indices(self._parts[0].labels(y))
