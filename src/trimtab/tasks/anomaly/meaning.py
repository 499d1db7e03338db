"""Labels as normal or not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from trimtab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trimtab.config.data import Data
    from trimtab.tasks.base import LabelSummary, LabelValues, Target, YDtype

_MOST_NAMED = 10


class Meaning:
    """See ``base.Meaning``."""

    takes_several = False
    takes_masks = False
    trains_on_normal_rows = True
    is_numeric = False
    y_dtype: YDtype = "int64"

    def y_shape(self, target: Target) -> tuple[int, ...]:  # noqa: ARG002
        """Returns that of a number."""
        return ()

    def is_likely(self, column: LabelSummary, config: Data) -> bool:  # noqa: ARG002
        """Returns whether the config says which label is normal."""
        return config.normal is not None

    def unlabelled(self, column: LabelSummary, rows: int) -> int:  # noqa: ARG002
        """See ``base.Meaning.unlabelled``."""
        return column.missing

    def counts(self, column: LabelSummary) -> Mapping[str, int]:  # noqa: ARG002
        """See ``base.Meaning.counts``: anomalies are of no kind."""
        return {}

    def classes(self, column: LabelSummary, label: str, config: Data) -> list[str]:  # noqa: ARG002
        """Returns none; which label is normal must be known, and a row must have it."""
        named = list(column.frequent.counts)
        hint = f"Set data.normal to one of: {', '.join(named[:_MOST_NAMED])}."
        if config.normal is None:
            raise DataError("which label is normal?", path=config.train, field="data.normal", hint=hint)
        if config.normal not in named and not column.frequent.error:
            # Of no field: of the first rows alone it says nothing.
            raise DataError(
                f"no row has the label of data.normal: {config.normal}", path=config.train, hint=hint
            )
        return []

    def objection(self, columns: Mapping[str, LabelSummary], config: Data) -> tuple[str, str] | None:
        """Returns which split has no normal rows, or no others where they are needed."""
        for split, column in columns.items():
            rows = sum(column.frequent.counts.values()) + column.frequent.error
            normal = column.frequent.counts.get(str(config.normal), 0)
            if not normal:
                return f"no row of the {split} split is {config.normal}", "Give more normal rows."
            if split == "test" and normal == rows:
                return (
                    f"every row of the test split is {config.normal}: nothing shows that others are found",
                    "Give rows with other labels, in data.train or data.test.",
                )
        return None

    def scale(self, column: LabelSummary) -> tuple[float, float]:  # noqa: ARG002
        """See ``base.Meaning.scale``."""
        return 0.0, 1.0

    def outputs(self, target: Target) -> int:
        """Returns as many as the input has values.

        Raises:
            DataError: If they are the numbers of tokens, between which there is no distance.
        """
        if target.input.kind == "text":
            raise DataError(
                "expected tables, images or sound: how badly a text is repeated is not defined",
                field="data.task",
            )
        return math.prod(target.input.shape)

    def encode(self, labels: LabelValues, target: Target) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Returns 0 where a row is normal, else 1; 0 where the label is missing."""
        texts = labels.texts
        other = pc.fill_null(pc.not_equal(texts, target.normal), False)
        usable = pc.is_valid(texts).to_numpy(zero_copy_only=False)
        return other.to_numpy(zero_copy_only=False).astype(np.int64), usable

    def class_indices(self, y: NDArray[Any]) -> list[int]:  # noqa: ARG002
        """See ``base.Meaning.class_indices``."""
        return []
