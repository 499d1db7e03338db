"""Labels as numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trimtab.config.data import Data
    from trimtab.tasks.base import LabelSummary, LabelValues, Target, YDtype


class Meaning:
    """See ``base.Meaning``."""

    takes_several = False
    takes_masks = False
    trains_on_normal_rows = False
    is_numeric = True
    y_dtype: YDtype = "float32"

    def y_shape(self, target: Target) -> tuple[int, ...]:  # noqa: ARG002
        """Returns that of a number."""
        return ()

    def is_likely(self, column: LabelSummary, config: Data) -> bool:  # noqa: ARG002
        """Returns whether all are numbers: few whole ones are classes, which come first in the registry."""
        return column.numeric

    def unlabelled(self, column: LabelSummary, rows: int) -> int:
        """See ``base.Meaning.unlabelled``."""
        return rows - column.numbers

    def counts(self, column: LabelSummary) -> Mapping[str, int]:  # noqa: ARG002
        """See ``base.Meaning.counts``."""
        return {}

    def classes(self, column: LabelSummary, label: str, config: Data) -> list[str]:  # noqa: ARG002
        """See ``base.Meaning.classes``."""
        return []

    def objection(self, columns: Mapping[str, LabelSummary], config: Data) -> tuple[str, str] | None:  # noqa: ARG002
        """Returns whether all labels to train on are the same."""
        if columns["train"].variance:
            return None
        return "every row has the same label: there is nothing to learn", ""

    def scale(self, column: LabelSummary) -> tuple[float, float]:
        """Returns mean and standard deviation."""
        return column.mean, math.sqrt(column.variance) or 1.0

    def outputs(self, target: Target) -> int:  # noqa: ARG002
        """Returns one."""
        return 1

    def encode(self, labels: LabelValues, target: Target) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Returns standardized numbers; 0 where the label is missing or no number."""
        numbers = labels.numbers
        values = pc.fill_null(numbers, target.label_mean).to_numpy(zero_copy_only=False)
        y = ((values - target.label_mean) / target.label_std).astype(np.float32)
        return y, pc.is_valid(numbers).to_numpy(zero_copy_only=False)

    def class_indices(self, y: NDArray[Any]) -> list[int]:  # noqa: ARG002
        """See ``base.Meaning.class_indices``."""
        return []
