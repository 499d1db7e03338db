"""A model that takes several rows at a time, where that is proven to be the same and faster.

Convolutions gain nothing from it, but a large dense layer reads its weights once for all rows: one of 2,048
by 8,192 takes 1.0 instead of 6.7 ms a row. Not every flatbuffer may be resized, and what it answers then is
another graph's than the one that was selected. So it must repeat the golden predictions too, and be faster by
a fifth; otherwise rows go through one by one.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trimtab.deploy.golden import Golden
from trimtab.errors import ModelError
from trimtab.evaluate.litert import LiteRTModel

ROWS = 8
FASTER = 0.8
_TIMED_RUNS = 5


class ResizedModel:
    """A model that answers by ``ROWS`` rows while there are so many, and one by one after that.

    Args:
        one: The model at batch 1, verified.
        path: Its file.
        x: Model-ready golden examples, ``(n, *input_shape)``.
        golden: What it must answer to them.

    Attributes:
        many: The same model, resized; None where that is not the same, or not faster.
    """

    def __init__(self, one: LiteRTModel, path: Path, x: NDArray[np.generic], golden: Golden) -> None:
        self._one = one
        self.many = _proven(one, path, x, golden)

    def predict(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """See ``LiteRTModel.predict``."""
        whole = len(x) - len(x) % ROWS
        if self.many is None or not whole:
            return self._one.predict(x)
        return np.concatenate([self.many.predict(x[:whole]), self._one.predict(x[whole:])])


def _proven(one: LiteRTModel, path: Path, x: NDArray[np.generic], golden: Golden) -> LiteRTModel | None:
    rows = np.arange(ROWS) % len(x)
    x, expected = x[rows], dataclasses.replace(golden, y=golden.y[rows])
    try:
        many = LiteRTModel(path, batch=ROWS)
        difference = expected.difference(many.predict(x))
    except ModelError:
        return None
    same = difference is not None and difference <= golden.tolerance
    fast = seconds(lambda: many.predict(x)) <= FASTER * seconds(lambda: one.predict(x))
    return many if same and fast else None


def seconds(run: Callable[[], object]) -> float:
    """Returns what something takes when nothing disturbs it: the best of a few runs."""
    times = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
