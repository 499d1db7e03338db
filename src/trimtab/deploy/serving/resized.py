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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trimtab.errors import ModelError
from trimtab.evaluate.litert import LiteRTModel

ROWS = 8
FASTER = 0.8
_TIMED_RUNS, _TIMED_S = 5, 0.5


class ResizedModel:
    """A model that answers by ``ROWS`` rows while there are so many, and one by one after that.

    Args:
        one: The model at batch 1, verified.
        many: The same model, resized; None where that ``gains`` nothing.
    """

    def __init__(self, one: LiteRTModel, many: LiteRTModel | None) -> None:
        self._one, self._many = one, many

    def predict(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """See ``LiteRTModel.predict``."""
        whole = len(x) - len(x) % ROWS
        if self._many is None or not whole:
            return self._one.predict(x)
        return np.concatenate([self._many.predict(x[:whole]), self._one.predict(x[whole:])])


def gains(one: LiteRTModel, path: Path, x: NDArray[np.generic]) -> bool:
    """Returns whether a model answers the same, and faster, when it is resized.

    Args:
        one: The model at batch 1, verified.
        path: Its file.
        x: Model-ready golden examples, ``(n, *input_shape)``.
    """
    x = np.resize(x, (-(-len(x) // ROWS) * ROWS, *x.shape[1:]))  # repeats them up to a multiple
    try:
        many = LiteRTModel(path, batch=ROWS)
        same = np.array_equal(many.predict(x), one.predict(x))
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
