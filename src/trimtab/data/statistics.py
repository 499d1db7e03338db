"""What is known of some rows: a small summary that merges, pickles and travels as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.config.data import Data


@dataclass
class ColumnSummary:
    """One column of a summary.

    Attributes:
        type: ``string``, ``integer``, ``float``, ``boolean``, ``binary`` or ``other``.
        missing: Rows whose text is missing (null or blank).
        numbers: Rows that are a finite number, and of these ``integers`` whole ones.
        missing_numbers: Rows that are missing as a number (also ``NA``, ``?`` and their like).
        counts: Most frequent values as text, and how often they occur: exact while ``counts_error`` is 0, else
            each count may be too low by at most that many.
        tokens: The same of the lower-cased words of free text.
        token_lengths: Histogram: ``token_lengths[n]`` values have n words.
        sizes: Images by ``(height, width)`` written ``HxW``; ``modes``: images by PIL mode.
        rates: Clips by sample rate in Hz; ``durations``: clips by duration in units of 10 ms, rounded up.
        unreadable: Images or clips that cannot be read, and the first few of them by name.
    """

    type: str
    missing: int = 0
    missing_numbers: int = 0
    numbers: int = 0
    integers: int = 0
    mean: float = 0.0
    m2: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    counts: dict[str, int] = field(default_factory=dict)
    counts_error: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    tokens_error: int = 0
    token_lengths: list[int] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    rates: dict[str, int] = field(default_factory=dict)
    durations: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0
    unreadable_items: list[str] = field(default_factory=list)

    @property
    def variance(self) -> float:
        """Returns the population variance of the numbers."""
        return self.m2 / self.numbers if self.numbers else 0.0

    @property
    def distinct(self) -> int:
        """Returns how many different values there are: exact while small, else an estimate."""
        raise NotImplementedError


@dataclass
class Summary:
    """Rows, summarized; empty summaries (``Summary()``) are the neutral element of ``merge``."""

    rows: int = 0
    columns: dict[str, ColumnSummary] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: pa.RecordBatch, config: Data) -> Summary:
        """Returns the summary of a batch's rows."""
        raise NotImplementedError

    def merge(self, other: Summary) -> Summary:
        """Returns the summary of both; merge in partition order for one result whatever the executor."""
        raise NotImplementedError

    def quantiles(self, column: str, q: list[float]) -> list[float]:
        """Returns quantiles of a numeric column, from the sampled rows (rank error about 1 %)."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Returns the summary as JSON."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, text: str) -> Summary:
        """Returns the summary that ``to_json`` wrote."""
        raise NotImplementedError
