"""Sentences that are taken for categories, because few of them differ: as such, their words say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.data.encoders.text import are_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trimtab.config.data import Data
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary

_LONGEST = 60
"""How many characters of an example are shown."""


def few_sentences(train: Summary, columns: Sequence[Column], config: Data) -> list[str]:
    """Returns a warning for each input that is one column of sentences, of which few differ.

    Of a table's columns beside others it is usual, and text could not be one of them.

    Args:
        train: The summary of the training split.
        columns: The input columns.
        config: The config's data section.
    """
    warnings = []
    for column in _alone(columns, config):
        statistics = train.columns[column.name]
        if column.kind != "categorical" or column.name in config.columns or not are_sentences(statistics):
            continue
        example = next(iter(statistics.frequent.top(1)))
        shown = example if len(example) <= _LONGEST else f"{example[: _LONGEST - 1]}…"
        warnings.append(
            f"{column.name}: {statistics.distinct.estimate:,} different sentences in {train.rows:,} training "
            f"rows, such as {shown!r}, are taken as categories: a new one is unknown, whatever its words; "
            f"data.columns: {{{column.name}: text}} takes them as text, {{{column.name}: categorical}} agrees"
        )
    return warnings


def _alone(columns: Sequence[Column], config: Data) -> Iterator[Column]:
    """Yields the columns that are an input by themselves."""
    by_name = {column.name: column for column in columns}
    for names in [given.names for given in config.inputs.values()] or [tuple(by_name)]:
        if len(names) == 1:
            yield by_name[names[0]]
