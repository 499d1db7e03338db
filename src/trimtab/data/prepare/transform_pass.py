"""The second pass over a partition: at most one shard a split."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.config.data import Data
from trimtab.data import packed
from trimtab.data.dataset.dataset import CHAMPION, layout_of
from trimtab.data.dataset.groups import GroupWriter
from trimtab.data.dataset.origins import OriginWriter
from trimtab.data.dataset.shards import ShardWriter
from trimtab.data.dataset.slices import SliceWriter
from trimtab.data.encoders.labels import Array, encode_labels
from trimtab.data.encoders.serving import Preprocessor, name_of
from trimtab.data.encoders.tabular import plain_width
from trimtab.data.kinds.registry import TABLE, any_files, input_kind
from trimtab.data.prepare import split
from trimtab.data.prepare.digests import KeptDigests
from trimtab.data.prepare.fit_pass import check_columns
from trimtab.data.prepare.near_copies import SignatureWriter
from trimtab.data.prepare.normal import without_anomalies
from trimtab.data.readers.base import Partition
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import SPLITS, DatasetSchema, TensorSpec
from trimtab.data.statistics.media import is_of_folder
from trimtab.data.values.hashing import Digests, row_digests
from trimtab.data.values.values import texts
from trimtab.errors import DataError
from trimtab.tasks.of_labels import meant

_NAMED, _LAST_BITS = 5, 3


@dataclass(frozen=True)
class TransformTask:
    """A partition to write.

    Attributes:
        given: The split that its source is given for.
        source: The source, as in the config.
        directory: Where the splits' folders of shards are.
        seed: The run's seed, for the order of the training rows.
        rule: What the sides follow from beside the rows' content.
        near: Where the signatures of rows go, by which near copies are found.
        numeric: How many columns of standardized numbers rows have.
        champion: The schema by which test rows are encoded once more, for another model; None: they are not.
        slices: Columns that are kept of validation and test rows as they are.
        kept: The digests of all rows; None: they are computed.
    """

    given: str
    source: str
    partition: Partition
    config: Data
    schema: DatasetSchema
    directory: Path
    seed: int
    rule: split.Rule
    near: Path
    numeric: int
    champion: DatasetSchema | None = None
    slices: tuple[str, ...] = ()
    kept: KeptDigests | None = None


@dataclass
class TransformResult:
    """What was written of one or more partitions.

    Attributes:
        rows: Rows written, by split.
        classes: Rows written, by split and by class index, where there are classes.
        bad: Rows that could not be used; ``reasons`` names the first few.
        abnormal: Rows that are left out, as training is on normal rows alone.
        flat: Rows of encoded files whose tensor is the same all over, such as an image of one colour.
        unasked: Test rows that could be used, but not by the other model that they were encoded for.
    """

    rows: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in SPLITS})
    bad: int = 0
    abnormal: int = 0
    unasked: int = 0
    flat: int = 0
    reasons: list[str] = field(default_factory=list)

    def class_counts(self, classes: list[str]) -> dict[str, dict[str, int]]:
        """Returns the rows written by split and class name; empty without classes."""
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
            self.abnormal + other.abnormal,
            self.unasked + other.unasked,
            self.flat + other.flat,
            (self.reasons + other.reasons)[:_NAMED],
        )


def transform_partition(task: TransformTask) -> TransformResult:
    """Writes the shards of a partition, named by its place among the source's partitions.

    Raises:
        DataError: If the partition cannot be read.
    """
    result, first = TransformResult(), 0
    shard = f"part-{task.partition.index:05d}.tfrecord"
    shuffle = np.random.default_rng([task.seed, task.partition.index])
    preprocessor, layout = Preprocessor.load(task.schema), layout_of(task.schema)
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(
                ShardWriter(task.directory / name / shard, layout, shuffle if name == "train" else None)
            )
            for name in SPLITS
        ]
        champion = None
        if task.champion is not None:
            path = task.directory / CHAMPION / "test" / shard
            writer = stack.enter_context(ShardWriter(path, layout_of(task.champion), None))
            champion = _Champion(Preprocessor.load(task.champion), writer)
        groups = GroupWriter(task.directory, task.partition.index)
        slices = SliceWriter(task.directory, task.slices, task.partition.index)
        origins = OriginWriter(task.directory, task.given, task.partition.index)
        kind = task.schema.input.kind
        width = plain_width(task.schema.preprocessing) if kind == TABLE else None
        near = SignatureWriter(task.near, task.partition.index, kind, task.numeric, width)
        for batch in reader_for(task.source, task.config).read(task.partition, task.config):
            check_columns(batch, task.slices, task.partition)
            _write(batch, first, task, preprocessor, writers, champion, groups, slices, origins, near, result)
            first += batch.num_rows
        groups.close()
        slices.close()
        origins.close(first)
        near.close()
    return result


class _Champion:
    """The test rows once more, as another model takes them, in the same order.

    Args:
        preprocessor: The model's.
        writer: Takes the shard's rows; labels are the new ones.
    """

    def __init__(self, preprocessor: Preprocessor, writer: ShardWriter) -> None:
        self._preprocessor, self._writer = preprocessor, writer

    def write(self, batch: pa.RecordBatch, sides: split.Sides, y: Array, usable: Array) -> int:
        """Writes the test rows of a batch that can be used, and returns how many the model cannot read.

        Args:
            batch: Rows as a reader gives them.
            sides: The split of every row.
            y: The labels.
            usable: Which rows can be used; what the model cannot read is no longer.
        """
        test = np.flatnonzero((sides == split.TEST) & usable)
        try:
            encoded = self._preprocessor.encode(batch.take(pa.array(test)))
        except DataError:  # a given split may lack a column that is left out
            usable[test] = False
            return len(test)
        unread = list(encoded.bad)
        usable[test[unread]] = False
        readable = np.delete(np.arange(len(test)), unread)
        self._writer.write(encoded.x[readable], y[test[readable]])
        return len(unread)


def _write(
    batch: pa.RecordBatch,
    first: int,
    task: TransformTask,
    preprocessor: Preprocessor,
    writers: list[ShardWriter],
    champion: _Champion | None,
    groups: GroupWriter,
    slices: SliceWriter,
    origins: OriginWriter,
    near: SignatureWriter,
    result: TransformResult,
) -> None:
    features, keys = _keys(batch, first, task)
    names = batch.column("path") if is_of_folder(batch.schema.names) else None
    labels = texts(batch.column(task.schema.label))
    before = split.decide(batch, task.given, keys, task.config, task.rule)
    sides = without_anomalies(before, batch, task.config)
    result.abnormal += int(((sides == split.LEFT_OUT) & (before != split.LEFT_OUT)).sum())
    meaning = meant(task.schema).meaning
    encoded = preprocessor.encode(batch)
    y, usable = encode_labels(batch, task.schema)
    labels_told = " or ".join(each.label for each in task.schema.each_label.values())
    reasons = {int(row): f"no usable {labels_told}" for row in np.flatnonzero(~usable)} | encoded.bad
    usable[list(reasons)] = False
    if champion:
        result.unasked += champion.write(batch, sides, y, usable)
    if any_files(task.schema.columns):
        result.flat += _flat_rows(encoded.x[usable], task.schema.input)
    _tell_bad(reasons, batch, first, task, result)
    for side, name in enumerate(SPLITS):
        rows = np.flatnonzero(usable & (sides == side))
        writers[side].write(encoded.x[rows], y[rows])
        if task.config.group_by is not None:
            groups.add(name, keys[rows])
        slices.add(name, batch, rows)
        near.add(name, encoded.x[rows])
        taken = pa.array(rows)
        files = None if names is None else names.take(taken)
        origins.add(name, first + rows, features[rows], labels.take(taken), files)
        result.rows[name] += len(rows)
        result.classes[name].update(meaning.class_indices(y[rows]))


def _flat_rows(x: Array, spec: TensorSpec) -> int:
    """Returns how many rows have a file whose tensor is the same all over, but for the last bits of eight."""
    if not len(x):
        return 0
    tensors = packed.unpack(x, spec.parts) if spec.parts else {"": x}
    of_files = [
        _is_flat(tensor)
        for name, tensor in tensors.items()
        if not name or input_kind(spec.parts[name].kind).files is not None
    ]
    return int(np.logical_or.reduce(of_files).sum())


def _is_flat(x: Array) -> npt.NDArray[np.bool_]:
    rows = x.reshape(len(x), -1)
    spans = rows.max(axis=1).astype(np.float64) - rows.min(axis=1)
    return np.asarray(spans <= (_LAST_BITS if x.dtype == np.uint8 else 0))


def _tell_bad(
    reasons: dict[int, str], batch: pa.RecordBatch, first: int, task: TransformTask, result: TransformResult
) -> None:
    result.bad += len(reasons)
    for row, reason in sorted(reasons.items())[: _NAMED - len(result.reasons)]:
        name = name_of(batch, row) or f"row {first + row + 1} of partition {task.partition.index + 1}"
        result.reasons.append(f"{task.partition.source}: {name}: {reason}")


def _keys(batch: pa.RecordBatch, first: int, task: TransformTask) -> tuple[Digests, Digests]:
    """Returns the digests of the rows' features, and those that decide on their sides."""
    spelling = task.schema.spelling
    if task.kept is not None:
        features = task.kept.read(task.given, task.partition, first, batch.num_rows)
    else:
        features = row_digests(batch, task.schema.split_columns, spelling)
    return features, split.split_keys(batch, features, task.config, spelling)
