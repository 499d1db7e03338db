"""Free text as tokens: a vocabulary of the most frequent training tokens, cut or padded to one length.

Where words fail, because many of a text were never or hardly seen before, tokens are pieces of words.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trimtab.data.encoders import subwords
from trimtab.data.kinds.base import Encoded, InputKind, Setting
from trimtab.data.schema import TensorSpec
from trimtab.data.statistics.distributions import Categories, Distribution, histogram
from trimtab.data.values.tokens import tokenize
from trimtab.data.values.values import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.schema import Column
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary

PADDING, UNKNOWN = 0, 1
MIN_TOKENS, MAX_TOKENS = 2, 4096
_FIRST_WORD = 2
_PERCENTILE = 0.95
_TEXT_TOKENS = 3.0
_TEXT_DISTINCT = 0.2
_SHOWN = 5
_COMPARED_TOKENS = 100
_LEAST_STEPS = 1_000
_MOST_UNKNOWN = 0.1
"""The share of a new text's words that may be unknown."""
_SUBWORDS = "subwords"
"""The key in an encoder's settings: whether its vocabulary is of pieces."""


def fit(
    columns: Sequence[Column],
    summary: Summary,
    config: Data,
    input_range: InputRange = "standardized",  # noqa: ARG001
) -> dict[str, Any]:
    """Returns the settings of a ``TextEncoder``: its words are the most frequent training tokens, or pieces.

    Args:
        columns: The column.
        summary: The summary of the training split.
        config: The config's data section.
        input_range: Tokens have none.
    """
    (column,) = columns
    statistics, size = summary.columns[column.name], config.text.vocabulary_size - _FIRST_WORD
    words, pieces_a_word = statistics.tokens.top(size), 1.0
    vocabulary, parted = list(words), {}
    if _unknown_share(statistics, words) > _MOST_UNKNOWN:
        vocabulary, parted = subwords.learnt(statistics.tokens.top(), size), {_SUBWORDS: True}
        pieces_a_word = _pieces_a_word(vocabulary, statistics.tokens.counts)
    return {
        "kind": "text",
        "column": column.name,
        "vocabulary": vocabulary,
        "max_tokens": config.text.max_tokens
        or long_length(statistics.token_lengths, pieces_a_word, least=MIN_TOKENS, most=MAX_TOKENS),
        **parted,
    }


def _unknown_share(column: ColumnSummary, words: dict[str, int]) -> float:
    """Returns about what share of a new text's words is not in the vocabulary, or was seen once in training.

    Words that were seen once are as frequent as those that were not (Good, "The Population Frequencies of
    Species", 1953). Rare ones that the summary no longer counts are taken to have been seen.
    """
    total, error = _tokens(column), column.tokens.error
    known = sum(count + error for count in words.values() if count + error > 1)
    return 1 - known / total if total else 0.0


def _pieces_a_word(vocabulary: list[str], counts: dict[str, int]) -> float:
    cut = subwords.Subwords(dict.fromkeys(vocabulary, 0), UNKNOWN)
    return sum(count * len(cut.numbers(word)) for word, count in counts.items()) / sum(counts.values())


def long_length(histogram: list[int], factor: float = 1.0, *, least: int, most: int) -> int:
    """Returns the 95th percentile of the lengths of values.

    Args:
        histogram: ``histogram[n]`` values have a length of n.
        factor: What lengths come to, such as pieces of a word.
        least: What is returned where it is less.
        most: What is returned where it is more.
    """
    reached = np.cumsum(histogram) >= ceil(_PERCENTILE * sum(histogram))
    length = int(np.argmax(reached)) if len(histogram) else 0
    return min(max(ceil(length * factor), least), most)


class TextEncoder:
    """Turns a text column into token numbers: 0 is padding, 1 what is unknown, then the vocabulary."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._column = str(settings["column"])
        vocabulary = enumerate(settings["vocabulary"], _FIRST_WORD)
        self._numbers = {str(token): number for number, token in vocabulary}
        self._subwords = subwords.Subwords(self._numbers, UNKNOWN) if settings.get(_SUBWORDS) else None
        self.spec = TensorSpec(kind="text", shape=(int(settings["max_tokens"]),), stored_dtype="int32")

    @property
    def vocabulary_size(self) -> int:
        """Returns how many token numbers there are."""
        return len(self._numbers) + _FIRST_WORD

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``; long texts are cut, short ones padded, missing ones are all padding."""
        values = texts(batch.column(self._column)).to_pylist()
        (length,) = self.spec.shape
        rows = np.full((len(values), length), PADDING, np.int32)
        for row, text in zip(rows, values, strict=True):
            numbers = self._tokens(tokenize(text or "")[:length])[:length]
            row[: len(numbers)] = numbers
        return Encoded(rows)

    def _tokens(self, words: list[str]) -> list[int]:
        if self._subwords is None:
            return [self._numbers.get(word, UNKNOWN) for word in words]
        return [number for word in words for number in self._subwords.numbers(word)]


def takes(column: ColumnSummary, present: int) -> bool:
    """Returns whether values have three or more tokens on average, two words, and a fifth of them differ.

    Args:
        column: A summary.
        present: How many rows have a value.
    """
    return are_sentences(column) and column.distinct.estimate >= _TEXT_DISTINCT * present


def are_sentences(column: ColumnSummary) -> bool:
    """Returns whether values have three or more tokens on average, and two words, however few differ.

    Args:
        column: A summary.
    """
    counted = sum(column.token_lengths)
    return bool(counted) and _tokens(column) / counted >= _TEXT_TOKENS and _has_words(column)


def _has_words(column: ColumnSummary) -> bool:
    """Returns whether most values have two words apart: `2024-01-31 10:15` and `a8:3f:0b` only have tokens.

    Scripts that are written without spaces count as words.
    """
    values = list(column.frequent.counts)
    wordy = (
        sum(any(map(str.isalpha, word)) for word in value.split()) >= 2 or not value.isascii()
        for value in values
    )
    return 2 * sum(wordy) >= len(values)


def _tokens(column: ColumnSummary) -> int:
    return sum(length * count for length, count in enumerate(column.token_lengths))


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    statistics = summary.columns[column.name]
    mean_tokens = _tokens(statistics) / max(sum(statistics.token_lengths), 1)
    return {"mean_tokens": mean_tokens, "most_frequent": statistics.tokens.top(_SHOWN)}


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    statistics = summary.columns[column.name]
    lengths = {str(length): count for length, count in enumerate(statistics.token_lengths)}
    # Tokens of one text depend on each other: together they are taken to say no more than one row does.
    rows, tokens = sum(statistics.token_lengths), _tokens(statistics)
    return {
        "tokens": Categories(statistics.tokens.top(), rows, tokens, 0, _COMPARED_TOKENS),
        "length in tokens": histogram(lengths, summary.rows),
    }


INPUT = InputKind(
    fit,
    TextEncoder,
    _brief,
    _distributions,
    takes=takes,
    least_steps=_LEAST_STEPS,
    settings={
        "vocabulary": Setting("text.vocabulary_size", "words"),
        "max_tokens": Setting("text.max_tokens"),
    },
)
