"""What is known of one column of some rows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.statistics.media import MediaSummary
from trimtab.data.statistics.sketches import (
    NULL_HASH,
    Distinct,
    Frequent,
    Hashes,
    hash_numbers,
    hash_strings,
    mix,
)
from trimtab.data.values import values
from trimtab.data.values.dates import FIRST_DIGITS, LAST_DIGITS, of_digits
from trimtab.data.values.ids import ids_of
from trimtab.data.values.notation import Notation, notation_of
from trimtab.data.values.tally import Tally, is_tallied
from trimtab.data.values.tokens import tokenize
from trimtab.tasks import several

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trimtab.config.data import Data

ColumnType = Literal["string", "integer", "float", "boolean", "binary", "other", "null"]
Weights = np.ndarray[Any, np.dtype[np.int64]]
_FREQUENT_VALUES = 10_000
_FREQUENT_BUDGET, _FREQUENT_LEAST, _FREQUENT_MOST = 1_000_000, 16, 1_000
"""How many different numbers of a column are counted as text, by the table's width."""
_LEAST_FREQUENT_TOKENS = 20_000
_LONGEST_TEXT_TOKENS = 4096
_LONGEST_COUNTED_CHARACTERS = 200
_DISTINCT_BUDGET, _DISTINCT_LEAST, _DISTINCT_MOST = 200_000, 64, 1024


@dataclass
class ColumnSummary:
    """One column of a summary.

    Attributes:
        type: What the source says the column holds; CSV says ``string`` of everything.
        missing: Rows whose text is missing (null or blank).
        missing_numbers: Rows that are missing as a number (also ``NA``, ``?`` and their like).
        words: Rows that are neither missing nor a number.
        numbers: Rows that are a finite number.
        integers: Rows that are a whole number.
        days: Rows that are a whole number such as 20251231; nothing unless all of a batch may be.
        mean: Of the numbers.
        m2: Sum of the squared differences of the numbers from their mean.
        minimum: Of the numbers.
        maximum: Of the numbers.
        distinct: Sketch of the different values.
        frequent: The most frequent values as text; columns of many different numbers count none. Of rows with
            several labels, each label is counted.
        parts: How many labels all rows have together, where each may have several; else 0.
        tokens: The most frequent tokens of values that are not numbers.
        token_lengths: Histogram: ``token_lengths[n]`` such values have n tokens; the last bin has all longer
            ones.
        media: The encoded files of a binary column.
        tally: How the cells are written.
        notation: What they were read by, before anything else was counted; None: as they are.
    """

    type: ColumnType
    missing: int = 0
    missing_numbers: int = 0
    words: int = 0
    numbers: int = 0
    integers: int = 0
    days: int = 0
    mean: float = 0.0
    m2: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    distinct: Distinct = field(default_factory=lambda: Distinct(_DISTINCT_MOST))
    frequent: Frequent = field(default_factory=lambda: Frequent(_FREQUENT_VALUES))
    tokens: Frequent = field(default_factory=lambda: Frequent(_LEAST_FREQUENT_TOKENS))
    token_lengths: list[int] = field(default_factory=list)
    media: MediaSummary = field(default_factory=MediaSummary)
    tally: Tally = field(default_factory=Tally)
    notation: Notation | None = None
    parts: int = 0

    @property
    def variance(self) -> float:
        """Returns the population variance of the numbers."""
        return self.m2 / self.numbers if self.numbers else 0.0

    @property
    def numeric(self) -> bool:
        """Returns whether every value is a number or missing as one, and not all are missing."""
        return self.numbers > 0 and self.type != "boolean" and self.words == 0

    @classmethod
    def unseen(cls, column: pa.Array) -> ColumnSummary:
        """Returns the summary of a column that is left out: its type."""
        return cls(_type_of(column.type))

    @classmethod
    def absent(cls, rows: int) -> ColumnSummary:
        """Returns the summary of a column that these rows do not have."""
        return cls("null", missing=rows, missing_numbers=rows)

    @classmethod
    def of_numbers(cls, kind: pa.DataType, rows: int, width: int) -> ColumnSummary:
        """Returns the summary of a column that has a number in each row, before any of them is looked at.

        Args:
            kind: The column's type.
            rows: How many rows there are.
            width: Columns of the batch.
        """
        sketch = Distinct(_distinct_size(width))
        return cls(_type_of(kind), numbers=rows, distinct=sketch, media=_NO_MEDIA, tally=_NO_TALLY)

    @classmethod
    def of(
        cls,
        name: str,
        column: pa.Array,
        names: list[str],
        config: Data,
        width: int,
        own: np.uint64,
        notation: Notation | None = None,
        *,
        parted: bool = False,
    ) -> tuple[ColumnSummary, Hashes | None]:
        """Returns a column's summary, and a hash of every value unless they are encoded files.

        Args:
            name: The column's name.
            column: Its values.
            names: What to call the rows in messages, or nothing.
            config: The config's data section.
            width: Columns of the batch: sketches are smaller where there are very many.
            own: Of ``name_hashes``: equal values of two columns have different hashes.
            notation: What the values are read by; None: as they are.
            parted: Whether each value is several labels.
        """
        encoded = values.plain(column).dictionary_encode() if is_tallied(column.type) else None
        tally = Tally() if encoded is None else _tally(encoded)
        if notation is not None:
            column, encoded = notation.read(column), None
        kind = _type_of(column.type)
        summary = cls(kind, tally=tally, notation=notation, distinct=Distinct(_distinct_size(width)))
        as_ids = config.kind_set(name) == "ids"
        summary.tokens.size = 2 * config.ids.vocabulary_size if as_ids else tokens_counted(config)
        if kind == "binary":
            summary.missing = 0
            for row, content in enumerate(column):
                summary.media.add(row, content.as_py(), names[row] if names else "", config.limits)
            return summary, None
        if kind == "other":
            summary.missing = column.null_count
            return summary, None
        forced = (config.kind_set(name) or "numeric") not in ("numeric", "datetime")
        if encoded is None:
            encoded = values.plain(column).dictionary_encode()
        most = _FREQUENT_MOST if name in config.named_labels else frequent_numbers(width)
        split = partial(ids_of, separator=config.ids.separator) if as_ids else tokenize
        return summary, summary._add_values(own, encoded, most, split, forced=forced, parted=parted)

    def _add_values(
        self,
        own: np.uint64,
        encoded: pa.DictionaryArray,
        most: int,
        split: Callable[[str], list[str]],
        *,
        forced: bool,
        parted: bool,
    ) -> Hashes:
        unique = encoded.dictionary
        indices = _indices(encoded)
        weights = np.bincount(indices, minlength=len(unique) + 1).astype(np.int64)
        is_text = pa.types.is_string(unique.type)
        parsed = values.parse(unique) if is_text else values.numbers(unique)
        if parsed.null_count:
            missing = values.missing_numbers(unique) if is_text else pc.is_null(parsed)
            self.missing_numbers = int(weights[:-1][np.asarray(missing)].sum())
        self._add_numbers(parsed, weights[:-1])
        self.words = int(weights[:-1].sum()) - self.numbers - self.missing_numbers
        few = forced or self.words > 0 or len(unique) <= most
        texts = values.texts(unique) if is_text or few else None
        null = np.asarray(pc.is_null(texts if texts is not None and is_text else parsed))
        self.missing = int(weights[:-1][null].sum() + weights[-1])
        self.missing_numbers += int(weights[-1])
        hashes = np.full(len(unique) + 1, NULL_HASH, np.uint64)
        present = np.append(~null, False)
        if texts is not None and is_text:
            hashes[present] = hash_strings(texts.drop_null())
        else:
            hashes[present] = hash_numbers(np.asarray(parsed.drop_null()))
        self.distinct = Distinct.of(hashes[present], weights[present], self.distinct.size)
        if texts is not None and parted:
            self._add_parts(texts.filter(pa.array(~null)), weights[present])
        elif texts is not None and few:
            has_tokens = (is_text and (forced or self.words > 0)) or split is not tokenize
            self._add_texts(texts.filter(pa.array(~null)), weights[present], split if has_tokens else None)
        else:
            self.frequent.error = int(weights[:-1].max())
        of_rows: Hashes = mix(hashes ^ own)[indices]
        return of_rows

    def _add_numbers(self, parsed: pa.DoubleArray, weights: Weights) -> None:
        known = np.asarray(pc.is_valid(parsed))
        numbers, counts = np.asarray(parsed.drop_null()), weights[known]
        self.numbers = int(counts.sum())
        if not self.numbers:
            return
        self.integers = int(counts[numbers == np.rint(numbers)].sum())
        self.add_moments(numbers, counts)
        self.minimum, self.maximum = float(numbers.min()), float(numbers.max())
        self.days = int(counts[are_days(numbers)].sum())

    def add_moments(self, numbers: npt.NDArray[np.float64], counts: Weights) -> None:
        """Takes the mean and the variance of all numbers from the different ones.

        Args:
            numbers: In the order in which they first occur, ``(n,)``.
            counts: How often each occurs.
        """
        self.mean = float(np.multiply(numbers, counts).sum() / float(counts.sum()))
        self.m2 = float(np.dot(counts, (numbers - self.mean) ** 2))

    def _add_texts(
        self, texts: pa.StringArray, weights: Weights, split: Callable[[str], list[str]] | None
    ) -> None:
        short = pc.utf8_slice_codeunits(texts, 0, _LONGEST_COUNTED_CHARACTERS)
        counts = weights.tolist()
        self.frequent.add(zip(short.to_pylist(), counts, strict=True))
        if split is None:
            return
        lengths = np.zeros(_LONGEST_TEXT_TOKENS + 1, np.int64)
        word_counts: dict[str, int] = {}
        for text, count in zip(texts.to_pylist(), counts, strict=True):
            words = split(text)
            lengths[min(len(words), _LONGEST_TEXT_TOKENS)] += count
            for word in words:
                word_counts[word] = word_counts.get(word, 0) + count
        self.tokens.add(word_counts.items())
        self.token_lengths = np.trim_zeros(lengths, "b").tolist()

    def _add_parts(self, texts: pa.StringArray, weights: Weights) -> None:
        lists = [several.parted(text) for text in texts.to_pylist()]
        pairs = zip(lists, weights.tolist(), strict=True)
        counted = [(part, count) for parts, count in pairs for part in parts]
        self.frequent.add(counted)
        self.parts = sum(count for _, count in counted)

    def merge(self, other: ColumnSummary, rows: int) -> ColumnSummary:
        """Returns the summary of both.

        Args:
            other: The summary of the rows that follow.
            rows: How many rows this summary is of.
        """
        numbers = self.numbers + other.numbers
        delta = other.mean - self.mean
        share = other.numbers / numbers if numbers else 0.0
        return ColumnSummary(
            type=_merged_type(self.type, other.type),
            missing=self.missing + other.missing,
            missing_numbers=self.missing_numbers + other.missing_numbers,
            words=self.words + other.words,
            numbers=numbers,
            integers=self.integers + other.integers,
            days=self.days + other.days,
            # Chan, Golub and LeVeque (1979): exact whatever the sizes of the two parts.
            mean=self.mean + delta * share if self.numbers else other.mean,
            m2=self.m2 + other.m2 + delta * delta * self.numbers * share,
            minimum=min((v for v in (self.minimum, other.minimum) if v is not None), default=None),
            maximum=max((v for v in (self.maximum, other.maximum) if v is not None), default=None),
            distinct=self.distinct.merge(other.distinct),
            frequent=self.frequent.merge(other.frequent),
            tokens=self.tokens.merge(other.tokens),
            token_lengths=_added(self.token_lengths, other.token_lengths),
            media=self.media.merge(other.media, rows),
            tally=self.tally.merge(other.tally),
            notation=self.notation or other.notation,
            parts=self.parts + other.parts,
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the summary as JSON values, which share what is large with it."""
        return {
            **vars(self),
            "distinct": self.distinct.to_dict(),
            "frequent": vars(self.frequent),
            "tokens": vars(self.tokens),
            "media": dataclasses.asdict(self.media) if self.media != _NO_MEDIA else vars(_NO_MEDIA),
            "tally": vars(self.tally),
            "notation": self.notation.model_dump() if self.notation else None,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ColumnSummary:
        """Returns the summary that ``to_dict`` gave."""
        return cls(
            **{
                **fields,
                "distinct": Distinct.from_dict(fields["distinct"]),
                "frequent": Frequent(**fields["frequent"]),
                "tokens": Frequent(**fields["tokens"]),
                "media": MediaSummary.from_dict(fields["media"]),
                "tally": Tally(**fields.get("tally", {})),
                "notation": notation_of(fields.get("notation")),
            }
        )


_NO_MEDIA, _NO_TALLY = MediaSummary(), Tally()
"""What columns of numbers have of them: one object, as there are many columns. Nothing is added to it."""


def _indices(encoded: pa.DictionaryArray) -> npt.NDArray[np.int32]:
    """Returns the place of each row's value in the dictionary; behind the last one where it is missing."""
    indices = encoded.indices
    if indices.null_count:
        indices = pc.fill_null(indices, len(encoded.dictionary))
    return np.asarray(indices)


def _tally(encoded: pa.DictionaryArray) -> Tally:
    weights = np.bincount(_indices(encoded), minlength=len(encoded.dictionary) + 1)[:-1]
    return Tally.of(encoded.dictionary, weights.astype(np.int64))


def name_hashes(names: Sequence[str]) -> Hashes:
    """Returns what tells the hashes of each column's values from those of another."""
    return hash_strings(pa.array(names, pa.string()))


@lru_cache(maxsize=256)
def _type_of(kind: pa.DataType) -> ColumnType:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests: list[tuple[ColumnType, list[Any]]] = [
        ("string", [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view]),
        ("integer", [pa.types.is_integer]),
        ("float", [pa.types.is_floating, pa.types.is_decimal, pa.types.is_temporal]),
        ("boolean", [pa.types.is_boolean]),
        ("binary", [pa.types.is_binary, pa.types.is_large_binary]),
        ("null", [pa.types.is_null]),
    ]
    return next((name for name, checks in tests if any(check(kind) for check in checks)), "other")


def _merged_type(one: ColumnType, other: ColumnType) -> ColumnType:
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    return "float" if {one, other} == {"integer", "float"} else "string"


def tokens_counted(config: Data) -> int:
    """Returns how many different tokens of a column are counted.

    Args:
        config: The config's data section.
    """
    return max(_LEAST_FREQUENT_TOKENS, 2 * config.text.vocabulary_size)


def frequent_numbers(width: int) -> int:
    """Returns how many different numbers of a column are counted as text.

    Args:
        width: Columns of the table.
    """
    return max(_FREQUENT_LEAST, min(_FREQUENT_MOST, _FREQUENT_BUDGET // width))


def _distinct_size(width: int) -> int:
    return max(_DISTINCT_LEAST, min(_DISTINCT_MOST, _DISTINCT_BUDGET // width))


def are_days(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Returns which numbers are days, such as 20251231; none unless all may be one.

    Args:
        numbers: At least one, ``(n,)``.
    """
    if numbers.min() < FIRST_DIGITS or numbers.max() > LAST_DIGITS:
        return np.zeros(len(numbers), bool)
    return np.isfinite(of_digits(numbers))


def _added(one: list[int], other: list[int]) -> list[int]:
    if not one or not other:  # as columns of numbers have it, of which there may be very many
        return one or other
    shorter, longer = sorted((one, other), key=len)
    return [*(a + b for a, b in zip(shorter, longer, strict=False)), *longer[len(shorter) :]]
