"""A model that takes several rows at a time, where that is proven to be the same and faster.

Convolutions gain nothing from it, but a large dense layer reads its weights once for all rows: one of 2,048
by 8,192 takes 1.0 instead of 6.7 ms a row. Not every flatbuffer may be resized, and what it answers then is
another graph's than the one that was selected. So it must repeat the golden predictions as the other does, to
the last bit, as no answer may depend on what else is asked at that time. And it must be faster by a fifth;
otherwise rows go through one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from trimtab.batch import Batch, joined, rows, take
from trimtab.errors import ModelError
from trimtab.runtimes.base import LoadedModel

ROWS = 8
FASTER = 0.8
_TIMED_RUNS, _TIMED_S = 5, 0.5


class ResizedModel:
    """A model that answers by ``ROWS`` rows while there are so many, and one by one after that.

    Args:
        one: The model at batch 1, verified.
        many: The same model, resized; None where that ``gains`` nothing.
    """

    def __init__(self, one: LoadedModel, many: LoadedModel | None) -> None:
        self._single, self._batched = one, many

    def predict(self, batch: Batch) -> Batch:
        """See ``base.LoadedModel.predict``."""
        count = rows(batch)
        whole = count - count % ROWS
        if self._batched is None or not whole:
            return self._single.predict(batch)
        rest = self._single.predict(take(batch, whole, count))
        return joined([self._batched.predict(take(batch, 0, whole)), rest])


def gains(one: LoadedModel, resize: Callable[[], LoadedModel], batch: Batch) -> bool:
    """Returns whether a model answers the same, and faster, when it is resized.

    Args:
        one: The model at batch 1, verified.
        resize: Loads it for ``ROWS`` rows at a time.
        batch: Model-ready golden examples.
    """
    count = -(-rows(batch) // ROWS) * ROWS
    x = {
        name: np.resize(values, (count, *values.shape[1:])) for name, values in batch.items()
    }  # repeats them
    try:
        many = resize()
        outputs, expected = many.predict(x), one.predict(x)
        same = all(np.array_equal(outputs[name], expected[name]) for name in expected)
    except ModelError:
        return False
    return same and seconds(lambda: many.predict(x)) <= FASTER * seconds(lambda: one.predict(x))


def seconds(run: Callable[[], object]) -> float:
    """Returns what something takes when nothing disturbs it: the best of some runs, or of one if slow."""
    times: list[float] = []
    while len(times) < _TIMED_RUNS and sum(times) < _TIMED_S:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
