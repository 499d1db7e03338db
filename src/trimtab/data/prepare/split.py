"""Which side a row is on: decided by its content alone, where the config does not say by its time.

A row's side depends on nothing but its features (or its group): it stays there when rows are added or
reordered, duplicates are together, and everyone gets the same sides without exchanging a list. Labels do not
count, so that two rows that differ in nothing but their label cannot give each other away. The exceptions are
in ``cuts`` (splits by time) and ``strata`` (rare classes).

With ``data.test.folds`` the same part of the hash shares all rows out to folds. Each fold is a split of its
own; the first one is what ``data.split.test`` of the same share would be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.prepare import strata
from trimtab.data.schema import SPLITS, Strata, TimeCuts
from trimtab.data.values.hashing import SPELLING, Digests, row_digests
from trimtab.data.values.times import times
from trimtab.data.values.values import texts

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.champion.reference import Reference

Sides = npt.NDArray[np.int8]
TRAIN, VALIDATION, TEST = range(len(SPLITS))


LEFT_OUT = -1


@dataclass(frozen=True)
class Fold:
    """One of several splits, whose test rows together are all rows.

    Attributes:
        index: From 0.
        count: How many there are.
    """

    index: int
    count: int

    def has(self, parts: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Returns which rows it tests, by the part of their digests that decides on test, ``(rows,)``."""
        ends = [_below_which(place / self.count) for place in range(1, self.count)]
        folds = np.searchsorted(np.array(ends, np.uint64), parts, side="right")
        return np.asarray(folds == self.index)


@dataclass(frozen=True)
class Rule:
    """What the sides follow from beside the rows' content.

    Attributes:
        cuts: Where the splits by time begin; None: time does not count.
        strata: Rows whose sides are remembered.
        fold: Which of several splits it is; None: there is one.
    """

    cuts: TimeCuts | None = None
    strata: Strata = field(default_factory=Strata)
    fold: Fold | None = None


def sources(config: Data) -> dict[str, str]:
    """Returns the sources that are read, by the split that each is given for."""
    given = {"train": config.train, "validation": config.validation, "test": config.given_test}
    return {split: source for split, source in given.items() if source is not None}


def decide(batch: pa.RecordBatch, given: str, keys: Digests, config: Data, rule: Rule) -> Sides:
    """Returns the split of every row, as an index into ``SPLITS``, or ``LEFT_OUT``.

    Args:
        batch: Rows as a reader gives them.
        given: The split that the rows' source is given for; rows of ``validation`` and ``test`` stay there.
        keys: The digests of the rows' features or groups, ``(rows, 32)``.
        config: The config's data section.
        rule: What else the sides follow from.
    """
    if given != "train":
        return np.full(batch.num_rows, SPLITS.index(given), np.int8)
    if rule.cuts is not None:
        return by_time(times(batch.column(rule.cuts.column)).values, rule.cuts)
    return strata.applied(sides(given, keys, config, rule.fold), keys, rule.strata)


def by_time(values: npt.NDArray[np.float64], cuts: TimeCuts) -> Sides:
    """Returns the split of every row by its time, as an index into ``SPLITS``, or ``LEFT_OUT``.

    Args:
        values: When the rows happened.
        cuts: Where the splits begin.
    """
    result = np.full(len(values), TRAIN, np.int8)
    for cut, side in ((cuts.validation, VALIDATION), (cuts.test, TEST)):
        if cut is not None:
            result[values >= cut - cuts.gap] = LEFT_OUT
            result[values >= cut] = side
    return result


def sides(given: str, keys: Digests, config: Data, fold: Fold | None = None) -> Sides:
    """Returns the split of every row by its content, as an index into ``SPLITS``.

    Two independent 64-bit parts of the key are compared with the shares of the config: the first decides on
    test, the second on validation among the rest, so that changing one share moves no row of the other.

    Args:
        given: The split that the rows' source is given for; rows of ``validation`` and ``test`` stay there.
        keys: The digests of the rows' features or groups, ``(rows, 32)``.
        config: The config's data section.
        fold: Which of several splits it is; None: there is one.
    """
    result = np.full(len(keys), SPLITS.index(given), np.int8)
    if given != "train":
        return result
    if config.validation is None:
        result[_below(keys[:, 8:16], config.split.validation)] = VALIDATION
    if fold is not None:
        result[fold.has(_numbers(keys[:, :8]))] = TEST
    elif config.test is None:
        result[_below(keys[:, :8], config.split.test)] = TEST
    return result


def key_columns(names: tuple[str, ...], champion: Reference | None) -> tuple[str, ...]:
    """Returns the columns that decide on the rows' sides: the champion's, where columns were only added.

    So its rows stay on their sides when they get another column, and its test rows are still fresh for both
    models. Rows that are the same with the new columns are the same without them: they stay together.

    Args:
        names: The input columns.
        champion: The data of the model in service.
    """
    before = champion.schema.split_columns if champion else names
    return before if set(before) <= set(names) else names


def spelling(champion: Reference | None) -> int:
    """Returns how values are written where they are hashed: as for the champion, so that its rows stay.

    Args:
        champion: The data of the model in service.
    """
    return champion.schema.spelling if champion else SPELLING


def split_keys(batch: pa.RecordBatch, features: Digests, config: Data, spelling: int = SPELLING) -> Digests:
    """Returns the digests that decide on the rows' sides: of the group if there is one, else of the features.

    Args:
        batch: Rows as a reader gives them.
        features: The digests of the rows' features, ``(rows, 32)``.
        config: The config's data section.
        spelling: How values are written.
    """
    if config.group_by is None:
        return features
    ungrouped = pc.is_null(texts(batch.column(config.group_by))).to_numpy(zero_copy_only=False)
    groups = row_digests(batch, [config.group_by], spelling)
    return np.where(ungrouped[:, None], features, groups)


def _below(part: Digests, share: float) -> npt.NDArray[np.bool_]:
    return np.asarray(_numbers(part) < _below_which(share))


def _numbers(part: Digests) -> npt.NDArray[np.uint64]:
    return np.asarray(np.ascontiguousarray(part).view("<u8")[:, 0])


def _below_which(share: float) -> np.uint64:
    """Returns the number that a share of all 64-bit hashes is below."""
    return np.uint64(share * 2.0**64)
