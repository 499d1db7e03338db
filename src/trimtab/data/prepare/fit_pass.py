"""The first pass over a partition: who is on which side, what the columns hold, and what the content is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path

import numpy as np
import pyarrow as pa

from trimtab.config.data import Data
from trimtab.data.prepare import split
from trimtab.data.prepare.digests import KeptDigests
from trimtab.data.prepare.duplicates import write_hashes
from trimtab.data.prepare.fingerprint import Fingerprint
from trimtab.data.prepare.normal import without_anomalies
from trimtab.data.prepare.strata import ClassRows
from trimtab.data.readers.base import Partition
from trimtab.data.readers.registry import reader_for
from trimtab.data.readers.width import bytes_at_a_time
from trimtab.data.schema import SPLITS
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.hashing import Digests, joined_digests, row_digests
from trimtab.data.values.notation import Notation
from trimtab.data.values.values import texts
from trimtab.errors import DataError
from trimtab.tasks.masks import COLUMN

# Summaries cost more by the batch than by the row: rows are gathered first, as long as they are small.
_GATHERED_ROWS, _GATHERED_BYTES = 32_768, 8 << 20


@dataclass(frozen=True)
class FitTask:
    """A partition to read.

    Attributes:
        given: The split that its source is given for.
        source: The source, as in the config.
        features: The input columns.
        keys: Those of them that decide on the rows' sides.
        label: The label's column.
        spelling: How values are written where they are hashed.
        notations: What columns are read by.
        rule: What the sides follow from beside the rows' content.
        hashes: Where to leave the hashes of the rows' features by split; None where nobody asks for them.
        kept: Where to leave the digests of the rows' keys; None where there is no second pass.
    """

    given: str
    source: str
    partition: Partition
    config: Data
    features: tuple[str, ...]
    keys: tuple[str, ...]
    label: str
    spelling: int
    notations: Mapping[str, Notation]
    rule: split.Rule
    hashes: Path | None = None
    kept: KeptDigests | None = None


@dataclass
class FitResult:
    """What one or more partitions hold, by split.

    Attributes:
        classes: The rows of every class, as far as they are shared out by their content.
        left_out: Rows that are in no split, as too little time is between them and a later one.
    """

    summaries: dict[str, Summary] = field(default_factory=lambda: {name: Summary() for name in SPLITS})
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    classes: ClassRows = field(default_factory=ClassRows)
    left_out: int = 0

    @property
    def rows(self) -> int:
        """Returns the rows of all splits."""
        return sum(self.fingerprint.rows)

    @cached_property
    def everything(self) -> Summary:
        """Returns the summary of the rows of all splits, once all are there."""
        return reduce(Summary.merge, self.summaries.values())

    def merge(self, other: FitResult) -> FitResult:
        """Returns what both hold; merge in the order of the partitions."""
        summaries = {name: self.summaries[name].merge(other.summaries[name]) for name in SPLITS}
        return FitResult(
            summaries,
            self.fingerprint.merge(other.fingerprint),
            self.classes.merge(other.classes),
            self.left_out + other.left_out,
        )


def fit_partition(task: FitTask) -> FitResult:
    """Returns what a partition holds; a pure function of the partition, but for the files of hashes.

    Raises:
        DataError: If the partition cannot be read, or lacks a column.
    """
    result, hashes = FitResult(), [list[Digests]() for _ in SPLITS]
    all_keys: list[Digests] = []
    gathered = [_Gathered() for _ in SPLITS]
    labels = [task.label, *task.config.named_labels[1:]] if task.config.labels else [task.label]
    others = (*labels, task.config.group_by, task.config.split.column)
    rest = [name for name in others if name is not None]
    rest += [COLUMN] if task.config.masks is not None else []
    for batch in reader_for(task.source, task.config).read(task.partition, task.config):
        check_columns(batch, (*task.features, *rest), task.partition)
        features = row_digests(batch, task.features, task.spelling)
        keys = features if task.keys == task.features else row_digests(batch, task.keys, task.spelling)
        all_keys.append(keys)
        keys = split.split_keys(batch, keys, task.config, task.spelling)
        sides = split.decide(batch, task.given, keys, task.config, task.rule)
        result.left_out += int((sides == split.LEFT_OUT).sum())
        if task.given == "train" and task.rule.cuts is None and result.classes.counts is not None:
            labels = texts(batch.column(task.label))
            result.classes = result.classes.merge(ClassRows.of(labels, keys, sides))
        sides = without_anomalies(sides, batch, task.config)
        result.fingerprint.add(joined_digests(features, row_digests(batch, rest, task.spelling)), sides)
        for side, name in enumerate(SPLITS):
            chosen = np.flatnonzero(sides == side)
            if not len(chosen):
                continue
            if task.hashes is not None:
                hashes[side].append(features[chosen])
            gathered[side].add(batch if len(chosen) == len(sides) else batch.take(pa.array(chosen)))
            if gathered[side].enough:
                _summarize(result, name, gathered[side], task)
    for side, name in enumerate(SPLITS):
        _summarize(result, name, gathered[side], task)
        if task.hashes is not None:
            write_hashes(task.hashes / f"{name}-{task.given}-{task.partition.index:05d}.npy", hashes[side])
    if task.kept is not None:
        task.kept.write(task.given, task.partition, all_keys)
    return result


def check_columns(batch: pa.RecordBatch, names: Iterable[str], partition: Partition) -> None:
    """Checks that rows have all columns that are needed of them.

    Raises:
        DataError: If one is missing; it names the file.
    """
    present = set(batch.schema.names)
    for name in names:
        if name not in present:
            raise DataError(
                "there is no such column",
                path=partition.source,
                field=name,
                hint=f"Columns: {', '.join(batch.schema.names)}.",
            )


def check_width(batch: pa.RecordBatch, most: int, partition: Partition) -> None:
    """Checks that rows have no more columns than anybody waits for.

    Raises:
        DataError: If they have; it names the file.
    """
    if batch.num_columns > most:
        raise DataError(
            f"expected at most {most:,} columns, found {batch.num_columns:,}",
            path=partition.source,
            field="data.max_columns",
            hint="Raise it if all are meant: each takes some milliseconds.",
        )


@dataclass
class _Gathered:
    """Rows of one split that wait to be summarized."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    size_bytes: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self.batches.append(batch)
        self.rows += batch.num_rows
        self.size_bytes += batch.nbytes

    @property
    def enough(self) -> bool:
        most = bytes_at_a_time(_GATHERED_BYTES, self.batches[0].num_columns)
        return self.rows >= _GATHERED_ROWS or self.size_bytes >= most

    def taken(self) -> list[pa.RecordBatch]:
        """Returns all of them as few batches, and has none after it."""
        batches = self.batches
        if len(batches) > 1:
            batches = pa.Table.from_batches(batches).combine_chunks().to_batches()
        self.batches, self.rows, self.size_bytes = [], 0, 0
        return batches


def _summarize(result: FitResult, name: str, gathered: _Gathered, task: FitTask) -> None:
    for batch in gathered.taken():
        summary = Summary.of(batch, task.config, task.notations)
        result.summaries[name] = result.summaries[name].merge(summary)
