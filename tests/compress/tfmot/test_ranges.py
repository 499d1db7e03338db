"""The start of activation ranges, on a stand-in for a quantized twin of two layers."""

from __future__ import annotations

import numpy as np

from trimtab.compress.tfmot.ranges import start_ranges
from trimtab.compress.tfmot.unpublished import DECAY


class Variable:
    def __init__(self, name: str, value: float) -> None:
        self.name, self._value = name, np.float32(value)

    def numpy(self) -> np.ndarray:
        return np.asarray(self._value)

    def assign(self, value: np.ndarray) -> None:
        self._value = np.float32(value)


class Twin:
    """Doubles its input twice; what a layer gives is cut by its own range, as it is when it is quantized."""

    def __init__(self) -> None:
        self.ranges = [Variable(f"{layer}/output_max:0", 6.0) for layer in ("first", "second")]
        self.kernel = Variable("first/kernel:0", 2.0)
        self.weights = [*self.ranges, self.kernel]

    def __call__(self, x: np.ndarray, training: bool) -> None:
        assert training
        self.kernel.assign(np.float32(1.0))  # training moves weights, too
        for largest in self.ranges:
            x = 2 * x
            cut = np.minimum(x, largest.numpy())
            largest.assign(DECAY * largest.numpy() + (1 - DECAY) * np.float32(x.max()))
            x = cut


def test_a_range_settles_before_the_one_behind_it_is_measured() -> None:
    twin = Twin()
    start_ranges(twin, np.array([[1.0, 50.0]], np.float32))
    # The first layer gives up to 100. As long as its range ends at 6, the second would see no more than 12.
    first, second = (float(one.numpy()) for one in twin.ranges)
    assert abs(first - 100) < 0.5
    assert abs(second - 200) < 1
    assert float(twin.kernel.numpy()) == 2.0
