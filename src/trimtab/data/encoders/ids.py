"""Ids as numbers of rows in a table of vectors: users, items, tags; one a row, or several in one length.

Ids that training has often are numbers of their own. All others, new ones among them, share a few: which of
them is decided by a hash, so that a new user has the same vector in every request (K. Weinberger et al.,
"Feature Hashing for Large Scale Multitask Learning", 2009).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.data.encoders.text import long_length
from trimtab.data.kinds.base import Encoded, InputKind, Setting
from trimtab.data.schema import TensorSpec
from trimtab.data.statistics.distributions import Categories, Distribution, histogram
from trimtab.data.values.ids import ids_of
from trimtab.data.values.notation import Unread, unseen
from trimtab.data.values.values import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary

PADDING = 0
_LEAST_STEPS = 1_000
_MOST_IDS = 4096
_SHOWN, _COMPARED = 5, 100


def fit(
    columns: Sequence[Column],
    summary: Summary,
    config: Data,
    input_range: InputRange = "standardized",  # noqa: ARG001
) -> dict[str, Any]:
    """Returns the settings of an ``IdsEncoder``: the ids that training has most often.

    Args:
        columns: The column.
        summary: The summary of the training split.
        config: The config's data section.
        input_range: Ids have none.
    """
    (column,) = columns
    statistics, asked = summary.columns[column.name], config.ids
    return {
        "kind": "ids",
        "column": column.name,
        "separator": asked.separator,
        "vocabulary": list(statistics.tokens.top(asked.vocabulary_size)),
        "has_all": not statistics.tokens.error and len(statistics.tokens.counts) <= asked.vocabulary_size,
        "shared": asked.shared,
        "max_ids": asked.max_ids or long_length(statistics.token_lengths, least=1, most=_MOST_IDS),
    }


class IdsEncoder:
    """Turns a column of ids into their numbers: 0 is padding, then those that rare ids share, then one each.

    Of more ids than there is room for the last ones are kept: those of a history are the latest. Where all
    ids of the training have a number of their own, nothing was learnt of those that new ones share: these are
    told of.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._column, self._separator = str(settings["column"]), str(settings["separator"])
        self._shared = int(settings["shared"])
        self._numbers = {str(each): n for n, each in enumerate(settings["vocabulary"], 1 + self._shared)}
        self._has_all = bool(settings.get("has_all"))
        self.spec = TensorSpec(kind="ids", shape=(int(settings["max_ids"]),), stored_dtype="int32")

    @property
    def vocabulary_size(self) -> int:
        """Returns how many numbers there are."""
        return 1 + self._shared + len(self._numbers)

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``; a row without ids is all padding."""
        cells = texts(batch.column(self._column)).dictionary_encode()
        different = cells.dictionary.to_pylist()
        rows = np.full((len(different) + 1, *self.spec.shape), PADDING, np.int32)
        for row, text in zip(rows, different, strict=False):  # the last one is of cells without ids
            kept = ids_of(text, self._separator)[-len(row) :]
            row[: len(kept)] = [self._number(each) for each in kept]
        places = np.asarray(cells.indices.fill_null(len(different)))
        return Encoded(rows[places], unread=self._unseen(different, places) if self._has_all else [])

    def _unseen(self, different: list[str], places: npt.NDArray[np.int32]) -> list[Unread]:
        """Returns the new ids of all cells, those among them that there is no room for."""
        new = [
            [each for each in ids_of(text, self._separator) if each not in self._numbers]
            for text in different
        ]
        times = np.bincount(places, minlength=len(different)).tolist()
        found = [each for some, count in zip(new, times, strict=False) for each in some * count]
        return unseen(self._column, pa.array(found, pa.string()))

    def _number(self, given: str) -> int:
        known = self._numbers.get(given)
        if known is not None:
            return known
        digest = hashlib.blake2b(given.encode(), digest_size=8).digest()
        return 1 + int.from_bytes(digest, "little") % self._shared


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    statistics = summary.columns[column.name]
    return {"distinct": statistics.distinct.estimate, "most_frequent": statistics.tokens.top(_SHOWN)}


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    statistics = summary.columns[column.name]
    rows = sum(statistics.token_lengths)
    found = sum(length * count for length, count in enumerate(statistics.token_lengths))
    lengths = {str(length): count for length, count in enumerate(statistics.token_lengths)}
    return {
        "ids": Categories(statistics.tokens.top(), rows, found, 0, _COMPARED),
        "ids a row": histogram(lengths, summary.rows),
    }


INPUT = InputKind(
    fit,
    IdsEncoder,
    _brief,
    _distributions,
    least_steps=_LEAST_STEPS,
    settings={
        "vocabulary": Setting("ids.vocabulary_size", "ids"),
        "max_ids": Setting("ids.max_ids"),
        "shared": Setting("ids.shared"),
    },
)
