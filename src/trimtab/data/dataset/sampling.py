"""A random sample of a split's rows, drawn over all of its shards.

The first rows stand for the rest only where files are in no order: in one that is in the order of time or
of its classes, ranges that were calibrated on its head cut off what comes later.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from trimtab.data.encoders.labels import Array

_Places = npt.NDArray[np.int64]


def drawn(y: Array, n: int, seed: int) -> _Places:
    """Returns the places of a sample's rows, in random order: each class or range of a label in its share.

    Rows are taken in equal steps of the order by label, and of one label in random order (systematic
    sampling, W. G. Cochran, "Sampling Techniques", 1977, chapter 8). Of each class there is at least one row,
    as long as these are no more than half of the sample.

    Args:
        y: The labels, as the task encodes them, ``(rows,)``; others than one number a row do not count.
        n: How many rows; fewer where there are fewer.
        seed: Another one gives another sample.
    """
    rng, rows = np.random.default_rng([seed, len(y)]), len(y)
    order = rng.permutation(rows)
    if rows <= n:
        return order
    if y.ndim == 1:
        order = order[np.argsort(y[order], kind="stable")]
    first = _one_of_each(y[order]) if y.ndim == 1 and y.dtype.kind in "iu" else np.empty(0, np.int64)
    first = order[first] if len(first) <= n // 2 else np.empty(0, np.int64)
    rest = order[~np.isin(order, first)]
    steps = (np.arange(n - len(first)) + rng.random()) * len(rest) / (n - len(first))
    return rng.permutation(np.concatenate([first, rest[steps.astype(np.int64)]]))


def gathered(blocks: Iterable[tuple[Array, Array]], places: _Places) -> tuple[Array, Array]:
    """Returns the rows at some places, in that order: ``(x as stored (n, *shape), y (n,))``.

    Args:
        blocks: All rows, in order.
        places: Each of them once; there is at least one.
    """
    order, first, parts = np.argsort(places), 0, []
    ordered = places[order]
    for x, y in blocks:
        here = ordered[(ordered >= first) & (ordered < first + len(y))] - first
        if len(here):
            parts.append((x[here], y[here]))
        first += len(y)
    x, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    back = np.argsort(order)
    return x[back], y[back]


def _one_of_each(ordered: Array) -> _Places:
    return np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
