"""Free text as tokens: a vocabulary of the most frequent training tokens, cut or padded to one length."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trimtab.data.encoders.base import Encoded
from trimtab.data.schema import TensorSpec
from trimtab.data.values.tokens import tokenize
from trimtab.data.values.values import texts

if TYPE_CHECKING:
    from trimtab.config.data import Text
    from trimtab.data.statistics.column import ColumnSummary

PADDING, UNKNOWN = 0, 1
MIN_TOKENS, MAX_TOKENS = 2, 4096
_FIRST_WORD = 2
_PERCENTILE = 0.95


def fit(name: str, summary: ColumnSummary, config: Text) -> dict[str, Any]:
    """Returns the settings of a ``TextEncoder``: its words are the most frequent training tokens.

    Args:
        name: The column.
        summary: Its summary over the training split.
        config: The config's text section.
    """
    return {
        "kind": "text",
        "column": name,
        "vocabulary": list(summary.tokens.top(config.vocabulary_size - _FIRST_WORD)),
        "max_tokens": config.max_tokens or _long_text_tokens(summary.token_lengths),
    }


def _long_text_tokens(histogram: list[int]) -> int:
    """Returns the 95th percentile of the lengths of texts."""
    reached = np.cumsum(histogram) >= ceil(_PERCENTILE * sum(histogram))
    length = int(np.argmax(reached)) if len(histogram) else 0
    return min(max(length, MIN_TOKENS), MAX_TOKENS)


class TextEncoder:
    """Turns a text column into token numbers: 0 is padding, 1 an unknown token, 2 the most frequent one."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._column = str(settings["column"])
        vocabulary = enumerate(settings["vocabulary"], _FIRST_WORD)
        self._numbers = {str(token): number for number, token in vocabulary}
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
            tokens = tokenize(text or "")[:length]
            row[: len(tokens)] = [self._numbers.get(token, UNKNOWN) for token in tokens]
        return Encoded(rows)
