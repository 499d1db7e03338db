"""The second pass over a partition: at most one shard a split."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from trimtab.config.data import Data
from trimtab.data import split
from trimtab.data.dataset import layout_of
from trimtab.data.hashing import row_digests
from trimtab.data.labels import encode_labels
from trimtab.data.readers.base import Partition
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import SPLITS, DatasetSchema
from trimtab.data.serving import Preprocessor, name_of
from trimtab.data.shards import ShardWriter

_NAMED = 5


@dataclass(frozen=True)
class TransformTask:
    """A partition to write.

    Attributes:
        given: The split that its source is given for.
        source: The source, as in the config.
        directory: Where the splits' folders of shards are.
        seed: The run's seed, for the order of the training rows.
    """

    given: str
    source: str
    partition: Partition
    config: Data
    schema: DatasetSchema
    directory: Path
    seed: int


@dataclass
class TransformResult:
    """What was written of one or more partitions.

    Attributes:
        rows: Rows written, by split.
        classes: Rows written, by split and by class index (classification only).
        bad: Rows that could not be used; ``reasons`` names the first few.
    """

    rows: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in SPLITS})
    bad: int = 0
    reasons: list[str] = field(default_factory=list)

    def class_counts(self, classes: list[str]) -> dict[str, dict[str, int]]:
        """Returns the rows written by split and class name; empty for regression."""
        if not classes:
            return {}
        return {
            split_name: {name: counts[index] for index, name in enumerate(classes)}
            for split_name, counts in self.classes.items()
        }

    def merge(self, other: TransformResult) -> TransformResult:
        """Returns what was written of both; merge in the order of the partitions."""
        return TransformResult(
            self.rows + other.rows,
            {name: self.classes[name] + other.classes[name] for name in SPLITS},
            self.bad + other.bad,
            (self.reasons + other.reasons)[:_NAMED],
        )


def transform_partition(task: TransformTask) -> TransformResult:
    """Writes the shards of a partition, named by its place among the source's partitions.

    Raises:
        DataError: If the partition cannot be read.
    """
    result, first = TransformResult(), 0
    preprocessor, layout = Preprocessor.load(task.schema), layout_of(task.schema)
    shuffle = np.random.default_rng([task.seed, task.partition.index])
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(
                ShardWriter(
                    task.directory / name / f"part-{task.partition.index:05d}.tfrecord",
                    layout,
                    shuffle if name == "train" else None,
                )
            )
            for name in SPLITS
        ]
        for batch in reader_for(task.source, task.config).read(task.partition, task.config):
            _write(batch, first, task, preprocessor, writers, result)
            first += batch.num_rows
    return result


def _write(
    batch: pa.RecordBatch,
    first: int,
    task: TransformTask,
    preprocessor: Preprocessor,
    writers: list[ShardWriter],
    result: TransformResult,
) -> None:
    sides = _sides(batch, task)
    encoded = preprocessor.encode(batch)
    y, usable = encode_labels(batch.column(task.schema.label), task.schema)
    reasons = {int(row): f"no usable {task.schema.label}" for row in np.flatnonzero(~usable)} | encoded.bad
    usable[list(encoded.bad)] = False
    result.bad += len(reasons)
    for row, reason in sorted(reasons.items())[: _NAMED - len(result.reasons)]:
        name = name_of(batch, row) or f"row {first + row + 1} of partition {task.partition.index + 1}"
        result.reasons.append(f"{task.partition.source}: {name}: {reason}")
    for side, name in enumerate(SPLITS):
        rows = np.flatnonzero(usable & (sides == side))
        writers[side].write(encoded.x[rows], y[rows])
        result.rows[name] += len(rows)
        if task.schema.task == "classification":
            result.classes[name].update(y[rows].tolist())


def _sides(batch: pa.RecordBatch, task: TransformTask) -> split.Sides:
    features = row_digests(batch, [column.name for column in task.schema.columns])
    return split.sides(task.given, split.split_keys(batch, features, task.config), task.config)
