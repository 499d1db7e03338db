"""Rare classes: one with ten rows or more is in every split, and no row changes sides when others come.

The hash of its content alone may put all rows of a rare class on one side. Then the row that is nearest to
the missing side, by the part of its hash that decides on that side, goes there.

No rule that looks at the rows alone can do that and keep every row where it is when more come: what holds
for every larger set of rows may depend on nothing but the row itself (ADR 25). So the rows that were moved
are remembered in the schema, and so are all rows of classes that are not in every split yet. Of a class
that was in every split once no row is moved any more; of the others, only rows that the model in service
has not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.data.schema import SPLITS, Strata
from trimtab.data.values.hashing import Digests

TRAIN, VALIDATION, TEST = range(len(SPLITS))
LEAST_ROWS = 10
_KEPT = 16
_MOST_CLASSES = 5_000
_Counts = npt.NDArray[np.int64]
_Sides = npt.NDArray[np.int8]
_Parts = npt.NDArray[np.uint64]


@dataclass
class ClassRows:
    """Of each class how many rows each split has, and its rows with the smallest hashes.

    Attributes:
        counts: Rows by split, ``(3,)``, by class; None where there are too many different labels for classes.
        labels: Of the rows that are kept, ``(n,)``.
        parts: The parts of their digests that decide on test and on validation, ``(n, 2)``.
        sides: Their splits, as indices into ``SPLITS``, ``(n,)``.
    """

    counts: dict[str, _Counts] | None = field(default_factory=dict)
    labels: npt.NDArray[np.str_] = field(default_factory=lambda: np.empty(0, "U1"))
    parts: _Parts = field(default_factory=lambda: np.empty((0, 2), np.uint64))
    sides: _Sides = field(default_factory=lambda: np.empty(0, np.int8))

    @classmethod
    def of(cls, labels: pa.StringArray, keys: Digests, sides: _Sides) -> ClassRows:
        """Returns what is known of some rows.

        Args:
            labels: Their labels; rows without one do not count.
            keys: The digests that decide on their sides, ``(rows, 32)``.
            sides: Their splits.
        """
        encoded = labels.dictionary_encode()
        names = np.array(encoded.dictionary.to_pylist(), np.str_)
        if len(names) > _MOST_CLASSES:
            return cls(None)
        known = np.flatnonzero(encoded.is_valid())
        codes, sides = np.asarray(encoded.indices.fill_null(0))[known], sides[known]
        counts = np.zeros((len(names), len(SPLITS)), np.int64)
        np.add.at(counts, (codes, sides), 1)
        parts = np.ascontiguousarray(keys[known, :16]).view("<u8")
        places = _smallest(codes, parts)
        by_name = dict(zip(names.tolist(), counts, strict=True))
        return cls(by_name, names[codes[places]], parts[places], sides[places])

    def merge(self, other: ClassRows) -> ClassRows:
        """Returns what is known of both."""
        if self.counts is None or other.counts is None:
            return ClassRows(None)
        counts = dict(self.counts)
        for name, more in other.counts.items():
            counts[name] = counts[name] + more if name in counts else more
        if len(counts) > _MOST_CLASSES:
            return ClassRows(None)
        labels = np.concatenate([self.labels, other.labels])
        parts, sides = np.concatenate([self.parts, other.parts]), np.concatenate([self.sides, other.sides])
        places = _smallest(np.unique(labels, return_inverse=True)[1], parts)
        return ClassRows(counts, labels[places], parts[places], sides[places])


def _smallest(codes: npt.NDArray[np.integer[Any]], parts: _Parts) -> npt.NDArray[np.intp]:
    """Returns the places of each class's rows with the smallest parts; of equal rows, one."""
    order = np.lexsort((parts[:, 1], parts[:, 0], codes))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(codes[order]) != 0) | (np.diff(parts[order], axis=0) != 0).any(axis=1)
    order = order[first]
    codes, parts = codes[order], parts[order]
    is_smallest = np.zeros(len(order), bool)
    for part in parts.T:
        ranked = np.lexsort((part, codes))
        is_smallest[ranked[np.arange(len(ranked)) - np.searchsorted(codes, codes[ranked]) < _KEPT]] = True
    return order[is_smallest]


class _Row(NamedTuple):
    test: int
    validation: int
    side: int


def applied(sides: _Sides, keys: Digests, strata: Strata) -> _Sides:
    """Returns the sides of rows with those that are remembered.

    Args:
        sides: As the rows' content has them.
        keys: The digests that decide on them, ``(rows, 32)``.
        strata: What is remembered.
    """
    if not strata.placed:
        return sides
    placed = {int(key, 16): SPLITS.index(split) for key, split in strata.placed.items()}
    parts = np.ascontiguousarray(keys[:, :8]).view("<u8")[:, 0]
    rows = np.flatnonzero(np.isin(parts, np.array(list(placed), np.uint64)))
    result = sides.copy()
    result[rows] = [placed[part] for part in parts[rows].tolist()]
    return result


def fill(
    rows: ClassRows, classes: Sequence[str], needed: Sequence[int], before: Strata, settled: Collection[str]
) -> Strata:
    """Returns what is to be remembered, with the rows that were moved so that classes are in every split.

    Args:
        rows: With the sides that what was remembered before gives them.
        classes: The classes of the label; empty: there are none.
        needed: The splits that every class is to be in, and that rows may leave for another one.
        before: What was remembered.
        settled: The classes whose rows the model in service has seen on all sides.
    """
    if rows.counts is None or not rows.counts.keys() <= set(classes):
        return before
    filling = _Filling(rows, needed, before)
    unsettled = [name for name in sorted(rows.counts.keys() - set(settled)) if not filling.settle(name)]
    for name in unsettled:
        filling.remember(name)
    return Strata(placed=dict(sorted(filling.placed.items())), unsettled=unsettled)


class _Filling:
    """Rows being moved.

    Args:
        rows: As for ``fill``.
        needed: As for ``fill``.
        before: As for ``fill``.
    """

    def __init__(self, rows: ClassRows, needed: Sequence[int], before: Strata) -> None:
        assert rows.counts is not None
        self._needed, self.placed = needed, dict(before.placed)
        self._counts = rows.counts
        self._sides = {name: set(np.flatnonzero(counts).tolist()) for name, counts in rows.counts.items()}
        self._rows: dict[str, dict[str, _Row]] = {name: {} for name in rows.counts}
        self._owners: dict[str, list[str]] = {}
        for label, parts, side in zip(
            rows.labels.tolist(), rows.parts.tolist(), rows.sides.tolist(), strict=True
        ):
            key = f"{parts[0]:016x}"
            self._rows[label][key] = _Row(parts[0], parts[1], side)
            self._owners.setdefault(key, []).append(label)

    def settle(self, name: str) -> bool:
        """Moves rows of a class that is not in every split, where it has enough of them.

        Returns:
            Whether it is in every split now.
        """
        if self._counts[name].sum() >= LEAST_ROWS:
            for side in sorted(set(self._needed) - self._sides[name], reverse=True):
                self._move(name, side)
        return self._sides[name] >= set(self._needed)

    def remember(self, name: str) -> None:
        """Remembers the sides of all rows of a class."""
        self.placed |= {key: SPLITS[row.side] for key, row in self._rows[name].items()}

    def _move(self, name: str, side: int) -> None:
        free = {
            key: row
            for key, row in self._rows[name].items()
            # A row that a fold tests stays: no other one does.
            if key not in self.placed and row.side in self._needed and self._is_spare(key, row.side)
        }
        if not free:
            return
        nearest = min(free, key=lambda key: (free[key].side != TRAIN, _distance(free[key], side), key))
        self.placed[nearest] = SPLITS[side]
        for owner in self._owners[nearest]:
            moved = free[nearest]
            self._rows[owner][nearest] = _Row(moved.test, moved.validation, side)
            self._sides[owner].add(side)

    def _is_spare(self, key: str, side: int) -> bool:
        """Returns whether every class of a row (copies may have different labels) stays on its side."""
        return all(
            sum(row.side == side for row in self._rows[owner].values()) > 1 for owner in self._owners[key]
        )


def _distance(row: _Row, side: int) -> int:
    return {TEST: row.test, VALIDATION: row.validation, TRAIN: -row.test}[side]
