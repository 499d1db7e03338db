"""Whether a model may have been trained on rows that are test rows now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from trimtab.data.kinds.registry import any_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trimtab.config.data import Data
    from trimtab.data.champion.reference import Reference
    from trimtab.data.schema import DatasetSchema, TimeCuts
    from trimtab.data.statistics.summary import Summary

_TOLERATED = 0.01


def sides_changed(
    champion: Reference, schema: DatasetSchema, config: Data, summaries: Mapping[str, Summary]
) -> list[str]:
    """Returns why the champion may have been trained on rows that are test rows now; empty: it was not.

    The side of a row follows from its input columns, or its group, and the share of the test rows. While
    these are the same, or the share is smaller, no row that the champion was trained on is a test row,
    however many rows are added. A test split that is given is taken to be unseen, unless it is given for the
    first time (its rows may come from the file that the champion's splits were made of), or where the samples
    of both show rows that the champion was trained on.

    Args:
        champion: The data of the model in service.
        schema: Of the new data.
        config: The config's data section.
        summaries: Of the new rows, by split.
    """
    if config.test is None and schema.cuts is not None:
        return list(_times(champion, schema.cuts))
    if config.test is None:
        return list(_reasons(champion, schema, config))
    before = champion.settings
    if before is not None and before.test is None:
        return ["data.test was not given"]
    encoded = any_files(schema.columns)
    share = known_share(champion.train, summaries) if champion.train is not None and not encoded else 0.0
    return [f"about {share:.0%} of data.test was in data.train"] if share > _TOLERATED else []


def known_share(before: Summary, summaries: Mapping[str, Summary]) -> float:
    """Returns about which share of the test rows the champion was trained on, and the challenger is not.

    Rows that are in the new training split, too, are warned of for themselves. Samples are the rows with the
    smallest hashes: up to where the first one of them ends, all three hold every row (E. Cohen and H. Kaplan,
    "Summarizing data using bottom-k sketches", PODC 2007). Encoded files are not sampled.

    Args:
        before: Of the champion's training rows.
        summaries: Of the new rows, by split.
    """
    train, test = summaries["train"], summaries["test"]
    ends = [
        summary.sample.hashes[-1]
        for summary in (before, train, test)
        if len(summary.sample.hashes) and summary.sample.counts.sum() < summary.rows
    ]
    hashes = test.sample.hashes
    covered = hashes <= min(ends, default=np.iinfo(np.uint64).max)
    known = np.isin(hashes, before.sample.hashes) & ~np.isin(hashes, train.sample.hashes)
    counts = test.sample.counts
    return float(counts[covered & known].sum() / max(counts[covered].sum(), 1))


def warning(reasons: list[str]) -> list[str]:
    """Returns what people should know of it, if there is anything.

    Args:
        reasons: As ``sides_changed`` returns them.
    """
    if not reasons:
        return []
    return [
        f"rows have changed sides ({', '.join(reasons)}): the model in service may have been trained on some "
        "of the test rows, which favours it"
    ]


def _times(champion: Reference, now: TimeCuts) -> Iterator[str]:
    """Yields why rows from the first test row on may be among those that the champion was trained on."""
    before = champion.schema.cuts
    if before is None or before.column != now.column:
        yield "data.split.by: time was not set" if before is None else f"it was by {before.column}"
        return
    ends = before.test if before.validation is None else before.validation
    if ends is None or now.test is None or now.test < ends:
        yield "the test rows begin earlier than the champion's training rows ended"


def _reasons(champion: Reference, schema: DatasetSchema, config: Data) -> Iterator[str]:
    before = champion.settings
    if champion.schema.cuts is not None:
        yield "data.split.by was time"
    if config.group_by is None and set(champion.schema.split_columns) != set(schema.split_columns):
        yield "the input columns have changed"
    if before is None:
        return
    if before.test is not None:
        yield "data.test was given"
    elif config.split.test > before.split.test:
        yield f"data.split.test was {before.split.test:g}"
    if config.group_by != before.group_by:
        yield f"data.group_by was {before.group_by or 'not set'}"
