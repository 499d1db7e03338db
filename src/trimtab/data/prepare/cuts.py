"""A split by time: the latest rows are the test split, and those before them validation.

Where the data will be used on what comes later, rows that were drawn at random from all times say too
much: the model has seen the days around each of them. Rows within a gap before a later split are left out
of all, where what happened then is not over yet, or is in the later rows' features, too (M. López de
Prado, "Advances in Financial Machine Learning", 2018, chapter 7: embargo).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.data.readers.base import Partition
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import TimeCuts
from trimtab.data.values.times import Scale, times
from trimtab.errors import ConfigError, DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.prepare.executor import Executor
    from trimtab.data.prepare.work import Part

_MOST_POINTS = 1 << 16
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TimeTask:
    """A partition whose rows' times are to be found.

    Attributes:
        source: The source, as in the config.
    """

    source: str
    partition: Partition
    config: Data


@dataclass
class Moments:
    """The times of many rows: exact for up to 65,536 different ones, else that many steps of equal weight.

    Attributes:
        scale: Whether they are dates or numbers; None where there are none.
        values: In rising order, each once, ``(n,)``.
        counts: How many rows there are from each to the next, ``(n,)``.
    """

    scale: Scale | None = None
    values: _Floats = field(default_factory=lambda: np.empty(0))
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, scale: Scale | None, values: _Floats) -> Moments:
        """Returns the times of some rows, all of which have one."""
        unique, counts = np.unique(values, return_counts=True)
        return cls(scale, unique, counts.astype(np.int64))._short()

    def merge(self, other: Moments, source: str) -> Moments:
        """Returns the times of both.

        Args:
            other: Times of other rows.
            source: Whose they are.

        Raises:
            DataError: If one has dates and the other numbers.
        """
        if None not in (self.scale, other.scale) and self.scale != other.scale:
            raise DataError(
                "some rows have a date as their time, and others a number",
                path=source,
                field="data.split.column",
                hint="Write all of them in one way.",
            )
        values, places = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([self.counts, other.counts]), len(values))
        return Moments(self.scale or other.scale, values, counts.astype(np.int64))._short()

    def _short(self) -> Moments:
        if len(self.values) <= _MOST_POINTS:
            return self
        ends = np.cumsum(self.counts)
        steps = (ends - self.counts) * (_MOST_POINTS // 2) // ends[-1]
        first = np.flatnonzero(np.diff(steps, prepend=-1))
        return Moments(self.scale, self.values[first], np.add.reduceat(self.counts, first))

    def cut(self, share: float, least: int = 1, before: float = np.inf) -> float:
        """Returns the time from which on there is a share of the rows, as nearly as whole times allow.

        Args:
            share: Of the rows before ``before``.
            least: How many times stay before the cut.
            before: The rows that count are earlier.
        """
        known = self.values < before
        after = np.cumsum(self.counts[known][::-1])[::-1]
        return float(self.values[least + np.argmin(np.abs(after[least:] - share * after[0]))])


def cuts_of(config: Data, parts: Sequence[Part], workers: Executor) -> TimeCuts | None:
    """Returns where the splits by time begin, or None where the config does not split by time.

    Raises:
        DataError: If a row has no time, or the rows have too few times to split them.
        ConfigError: If the gap is a duration and the times are numbers, or the other way round.
    """
    if config.split.column is None:
        return None
    moments = Moments()
    tasks = [TimeTask(part.source, part.partition, config) for part in parts if part.given == "train"]
    for task, part_moments in zip(tasks, workers.map(moments_of, tasks), strict=True):
        moments = moments.merge(part_moments, task.partition.source)
    return _cuts(moments, config)


def moments_of(task: TimeTask) -> Moments:
    """Returns the times of a partition's rows; a pure function of the partition.

    Raises:
        DataError: If there is no such column, or a row has no time.
    """
    moments, first = Moments(), 0
    for batch in reader_for(task.source, task.config).read(task.partition, task.config):
        scale, values = row_times(batch, task.config, task.partition, first)
        moments = moments.merge(Moments.of(scale, values), task.partition.source)
        first += batch.num_rows
    return moments


def row_times(
    batch: pa.RecordBatch, config: Data, partition: Partition, first: int
) -> tuple[Scale | None, _Floats]:
    """Returns when the rows of a batch happened.

    Args:
        batch: Rows as a reader gives them.
        config: The config's data section.
        partition: Where they are from.
        first: How many rows of the partition came before.

    Raises:
        DataError: If there is no such column, or a row has no time.
    """
    name = config.split.column
    if name not in batch.schema.names:
        raise DataError(
            "there is no such column",
            path=partition.source,
            field=f"data.split.column: {name}",
            hint=f"Columns: {', '.join(batch.schema.names)}.",
        )
    scale, values = times(batch.column(name))
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise DataError(
            f"row {first + row + 1} of partition {partition.index + 1} has no time: "
            f"{batch.column(name)[row].as_py()!r}",
            path=partition.source,
            field=name,
            hint="Expected an ISO date such as 2024-01-31 or 2024-01-31T12:00:00Z, or a number. Repair or "
            "remove the row.",
        )
    return scale, values


def _cuts(moments: Moments, config: Data) -> TimeCuts:
    wanted = (config.test is None) + (config.validation is None)
    if len(moments.values) <= wanted:
        raise DataError(
            f"the rows have {len(moments.values)} different times: too few to split them by time",
            path=config.train,
            field="data.split.column",
            hint="Name a column that tells rows apart by time, or split by content.",
        )
    test = moments.cut(config.split.test, wanted) if config.test is None else None
    before = np.inf if test is None else test
    validation = moments.cut(config.split.validation, 1, before) if config.validation is None else None
    gap = _gap(moments.scale, config)
    return TimeCuts(column=str(config.split.column), validation=validation, test=test, gap=gap)


def _gap(scale: Scale | None, config: Data) -> float:
    gap, seconds = config.split.gap, config.split.gap_seconds
    if gap is None:
        return 0.0
    if (scale == "dates") != (seconds is not None):
        holds, expected = ("dates", "a duration such as 1d") if scale == "dates" else ("numbers", "a number")
        raise ConfigError(
            f"{config.split.column} holds {holds}: expected {expected}, got {gap!r}", field="data.split.gap"
        )
    return float(gap) if seconds is None else seconds
