"""Labels as classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trimtab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trimtab.config.data import Data
    from trimtab.tasks.base import LabelSummary, LabelValues, Target, YDtype

MOST_CLASSES = 1_000
_MOST_NUMERIC_CLASSES = 20


class Meaning:
    """See ``base.Meaning``."""

    takes_several = False
    takes_masks = False
    trains_on_normal_rows = False
    is_numeric = False
    y_dtype: YDtype = "int64"

    def y_shape(self, target: Target) -> tuple[int, ...]:  # noqa: ARG002
        """Returns that of a number."""
        return ()

    def is_likely(self, column: LabelSummary, config: Data) -> bool:  # noqa: ARG002
        """Returns whether there are words, or at most 20 different whole numbers."""
        if not column.numeric:
            return True
        fractions = column.integers < column.numbers
        return not fractions and column.distinct.estimate <= _MOST_NUMERIC_CLASSES

    def unlabelled(self, column: LabelSummary, rows: int) -> int:
        """See ``base.Meaning.unlabelled``."""
        return rows - column.numbers if column.numeric else column.missing

    def counts(self, column: LabelSummary) -> Mapping[str, int]:
        """See ``base.Meaning.counts``; among numbers, ``NA`` and its like are no class."""
        counts = column.frequent.counts
        return {name: rows for name, rows in counts.items() if not column.numeric or _is_number(name)}

    def classes(self, column: LabelSummary, label: str, config: Data) -> list[str]:
        """Returns the names, sorted; as numbers where they are."""
        counts = self.counts(column)
        if column.frequent.error or len(column.frequent.counts) > MOST_CLASSES:
            raise DataError(
                f"the label has about {column.distinct.estimate:,} different values: more than "
                f"{MOST_CLASSES:,} classes",
                path=config.train,
                field=label,
                hint="Set data.task: regression, or name another label.",
            )
        return sorted(counts, key=lambda name: (float(name), name)) if column.numeric else sorted(counts)

    def objection(self, columns: Mapping[str, LabelSummary], config: Data) -> tuple[str, str] | None:  # noqa: ARG002
        """See ``base.Meaning.objection``."""
        return None

    def scale(self, column: LabelSummary) -> tuple[float, float]:  # noqa: ARG002
        """See ``base.Meaning.scale``."""
        return 0.0, 1.0

    def outputs(self, target: Target) -> int:
        """Returns one a class."""
        return len(target.classes)

    def encode(self, labels: LabelValues, target: Target) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Returns indices of the classes; 0 where the label is missing or not among them."""
        indices = pc.index_in(labels.texts, pa.array(target.classes, pa.string()))
        y = pc.fill_null(indices, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        return y, pc.is_valid(indices).to_numpy(zero_copy_only=False)

    def class_indices(self, y: NDArray[Any]) -> list[int]:
        """See ``base.Meaning.class_indices``."""
        indices: list[int] = y.tolist()
        return indices


def _is_number(name: str) -> bool:
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False
