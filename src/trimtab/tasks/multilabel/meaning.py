"""Labels as a zero or a one for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trimtab.errors import DataError
from trimtab.tasks import several

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trimtab.config.data import Data
    from trimtab.tasks.base import LabelSummary, LabelValues, Target, YDtype

MOST_CLASSES = 1_000


class Meaning:
    """See ``base.Meaning``."""

    takes_several = True
    takes_masks = False
    trains_on_normal_rows = False
    is_numeric = False
    y_dtype: YDtype = "float32"

    def y_shape(self, target: Target) -> tuple[int, ...]:
        """Returns one place a class."""
        return (len(target.classes),)

    def is_likely(self, column: LabelSummary, config: Data) -> bool:  # noqa: ARG002
        """Returns whether the config names several columns: joined labels look like any other words."""
        return isinstance(config.label, list)

    def unlabelled(self, column: LabelSummary, rows: int) -> int:  # noqa: ARG002
        """Returns the rows without a value: none of the labels is one."""
        return column.missing

    def counts(self, column: LabelSummary) -> Mapping[str, int]:
        """See ``base.Meaning.counts``; a row counts for each of its labels."""
        return column.frequent.counts

    def classes(self, column: LabelSummary, label: str, config: Data) -> list[str]:
        """Returns the columns in the config's order, or the labels, sorted."""
        if isinstance(config.label, list):
            return list(config.label)
        if column.frequent.error or len(column.frequent.counts) > MOST_CLASSES:
            raise DataError(
                f"the rows have more than {MOST_CLASSES:,} different labels",
                path=config.train,
                field=label,
                hint="Leave rare ones out, or set data.label_separator to what stands between labels.",
            )
        return sorted(column.frequent.counts)

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
        """Returns ``(n, classes)`` of zeros and ones; not usable: a missing label, or one of no class."""
        texts = labels.texts
        lists = several.lists(texts)
        named = lists.flatten()
        rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
        places = pc.index_in(named, pa.array(target.classes, pa.string())).to_numpy(zero_copy_only=False)
        known, is_label = (
            ~np.isnan(places.astype(np.float64)),
            pc.not_equal(named, "").to_numpy(zero_copy_only=False),
        )
        y = np.zeros((len(texts), len(target.classes)), np.float32)
        y[rows[known], places[known].astype(np.int64)] = 1
        usable = pc.is_valid(texts).to_numpy(zero_copy_only=False)
        usable[rows[is_label.astype(bool) & ~known]] = False
        return y, usable

    def class_indices(self, y: NDArray[Any]) -> list[int]:
        """See ``base.Meaning.class_indices``."""
        indices: list[int] = np.nonzero(y)[1].tolist()
        return indices
