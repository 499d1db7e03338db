"""The classes and slices of the test rows, and what the chosen candidate loses on each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.artifacts.claim import Rows
from trimtab.artifacts.evaluation import PartKind, PartLoss
from trimtab.config.budget import Budget
from trimtab.config.chains import BASELINE
from trimtab.data.schema import DatasetSchema
from trimtab.evaluate import uneven
from trimtab.evaluate.parts import parts
from trimtab.tasks.joint.parts import parts_of

_Part = tuple[tuple[PartKind, str], NDArray[np.bool_]]


def losses(chosen: str, rows: Rows, schema: DatasetSchema, limits: Budget) -> list[PartLoss]:
    """Returns the loss of the chosen candidate on each class, and on each slice that the budget names.

    Args:
        chosen: The candidate; of the baseline against itself there is nothing to say.
        rows: The test rows, with what it and the baseline scored.
        schema: Of the dataset.
        limits: The budget.
    """
    if chosen == BASELINE:
        return []
    before, after = rows.examples[BASELINE].scores, rows.examples[chosen].scores
    masks = dict([*_classes(rows, schema), *_slices(rows, schema, limits)])
    folds = 1 if rows.folds is None else len(np.unique(rows.folds))
    return uneven.losses(masks, before, after, limits.confidence, schema.task, rows.groups, folds)


def _classes(rows: Rows, schema: DatasetSchema) -> Iterator[_Part]:
    """Yields the rows of each class, of the first label; of several a row, those that have it."""
    labels = next((part.labels(rows.labels) for part in parts_of(schema)), rows.labels)
    several = np.ndim(labels) == 2
    for place, name in enumerate(schema.classes):
        yield ("class", name), (labels[:, place] > 0 if several else labels == place)


def _slices(rows: Rows, schema: DatasetSchema, limits: Budget) -> Iterator[_Part]:
    columns: Mapping[str, pa.StringArray] = {
        name: pa.array(values, pa.string()) for name, values in rows.slices.items()
    }
    for asked in limits.slices:
        if asked.column in columns:
            for part in parts(asked, columns[asked.column], schema.notations.get(asked.column)):
                yield ("slice", part.name), part.rows(columns)
