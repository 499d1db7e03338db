"""The rows that are tested, of all folds as if they were one split: in the order of the folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.groups import Groups
from trimtab.data.schema import DatasetSchema
from trimtab.errors import ArtifactError
from trimtab.tasks.base import Target


@dataclass(frozen=True)
class Pooled:
    """The test splits of all folds; without folds, the one of the dataset.

    Attributes:
        folds: A dataset each, of which the test split is there. The first one's model is what ships.
    """

    folds: Sequence[Dataset]

    def __post_init__(self) -> None:
        for fold in self.folds[1:]:
            if _asked(fold.schema) != _asked(self.schema):
                raise ArtifactError(
                    "the folds do not mean the same", path=str(fold.path), hint="Run this again."
                )

    def __len__(self) -> int:
        """Returns how many rows are tested."""
        return sum(fold.rows["test"] for fold in self.folds)

    @property
    def first(self) -> Dataset:
        """Returns the dataset of the model that ships."""
        return self.folds[0]

    @property
    def schema(self) -> DatasetSchema:
        """Returns what the labels mean."""
        return self.first.schema

    def labels(self) -> NDArray[Any]:
        """Returns the labels as the first fold encodes them, ``(n, …)``."""
        return np.concatenate(
            [restated(fold.labels("test"), fold.schema, self.schema) for fold in self.folds]
        )

    def groups(self) -> Groups | None:
        """Returns which rows belong together, as ``Dataset.groups`` does: a group is in one fold."""
        per_fold = [fold.groups("test") for fold in self.folds]
        if len(per_fold) == 1 or all(groups is None for groups in per_fold):
            return per_fold[0]
        numbered, before = [], 0
        for fold, groups in zip(self.folds, per_fold, strict=True):
            ids = np.arange(fold.rows["test"]) if groups is None else groups
            numbers = np.unique(ids, return_inverse=True)[1] + before
            numbered.append(numbers)
            before += len(numbers)
        return np.concatenate(numbered).astype(np.int64)

    def slices(self, columns: Sequence[str]) -> pa.Table:
        """Returns columns that slices are made by, as text."""
        return pa.concat_tables([fold.slices("test", columns) for fold in self.folds])

    def numbers(self) -> NDArray[np.int64]:
        """Returns the fold of each row, from 1, ``(n,)``."""
        return np.repeat(np.arange(1, len(self.folds) + 1), [fold.rows["test"] for fold in self.folds])


def restated(values: NDArray[Any], source: Target, target: Target) -> NDArray[Any]:
    """Returns labels or answers of one fold as another one would have them: each standardizes by itself.

    Args:
        values: Encoded labels or outputs.
        source: What they mean.
        target: What they are to mean.
    """
    if (source.label_mean, source.label_std) == (target.label_mean, target.label_std):
        return values
    in_unit = values.astype(np.float64) * source.label_std + source.label_mean
    return ((in_unit - target.label_mean) / target.label_std).astype(values.dtype)


def _asked(schema: DatasetSchema) -> tuple[str, str, list[str]]:
    return schema.task, schema.label, schema.classes
