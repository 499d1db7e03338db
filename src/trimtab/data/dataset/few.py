"""A dataset of a few rows of another, for what is only tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from trimtab.data.dataset.dataset import Array, Dataset, layout_of
from trimtab.data.dataset.sampling import drawn, gathered
from trimtab.data.dataset.shards import ShardWriter

_BYTES = 32 << 20


def few(dataset: Dataset, rows: int, directory: Path) -> Dataset:
    """Returns a dataset of a few training rows and a few validation rows, which are drawn from their first.

    Each class among those has its share. Nothing but the rows and the schema is in its directory.

    Args:
        dataset: The dataset.
        rows: How many of each split; fewer where there are fewer.
        directory: Where they are written.
    """
    counts = dict.fromkeys(dataset.rows, 0)
    for split in ("train", "validation"):
        if dataset.rows[split]:
            x, y = _drawn(dataset, split, rows)
            shard = directory / split / "part-00000.tfrecord"
            with ShardWriter(shard, layout_of(dataset.schema), None) as writer:
                writer.write(x, y)
            counts[split] = len(y)
    digest = f"{dataset.digest}: {rows} rows of each split"
    return replace(dataset, path=directory, rows=counts, digest=digest, folds=(), champion=None)


def _drawn(dataset: Dataset, split: str, rows: int) -> tuple[Array, Array]:
    blocks = list(_first(dataset, split, rows))
    return gathered(blocks, drawn(np.concatenate([y for _, y in blocks]), rows, seed=0))


def _first(dataset: Dataset, split: str, rows: int) -> Iterator[tuple[Array, Array]]:
    """Yields the first blocks of a split, until they are enough."""
    size = held = 0
    for x, y in dataset.blocks(split):
        yield x, y
        size, held = size + x.nbytes, held + len(y)
        if size >= _BYTES and held >= rows:
            return
