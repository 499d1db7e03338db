"""How few codes each kernel of a ``.tflite`` file can do with, by what validation examples say.

Each kernel is made coarse alone, once: what that adds to the distance from the floats' answers is its
sensitivity, and grows with the square of the step. A price for distance then says how many codes every kernel
has; from the lowest price on, the first file that loses no more than is allowed is taken.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from trimtab.batch import Batch
from trimtab.runtimes.litert.codes import Coarse, Kernel, coarse, inputs_of, kernels, packed_bytes, rewritten
from trimtab.runtimes.litert.params import Codes
from trimtab.runtimes.litert.patches import patches
from trimtab.runtimes.ranges import Judge

UNJUDGED = 63
"""How many codes kernels have where nobody can judge: ResNet-8 lost 0.1 to 0.4 points."""

_EXAMPLES = 200
"""Training examples that rounding looks at."""
_CODES = (127, 63, 47, 31, 23, 15, 11)
_ALONE = 15
"""How many codes a kernel has where its sensitivity is measured."""
_PRICES = np.geomspace(1e-3, 1e4, 29)
_TINY = 1e-12

Options = dict[int, Coarse]


def with_codes(
    content: bytes, asked: Codes, calibration: Callable[[int], Batch], name: str, judge: Judge | None
) -> bytes:
    """Returns a quantized file with as few codes as is asked.

    Args:
        content: Of the file.
        asked: How many codes.
        calibration: Returns that many training examples, model-ready.
        name: The file's.
        judge: Says what files cost on validation examples; None: there are none.
    """
    found = kernels(content)
    if not found:
        return content  # as of embeddings and an LSTM, whose weights are no kernels that it knows
    cut = patches(content, [kernel.place for kernel in found], calibration(_EXAMPLES))
    seen = {each.place: inputs_of(each, cut[each.place]) for each in found if each.place in cut}
    if isinstance(asked.codes, int) or judge is None:
        most = asked.codes if isinstance(asked.codes, int) else UNJUDGED
        return rewritten(content, {each.place: coarse(each, seen.get(each.place), most) for each in found})
    options = {
        kernel.place: {most: coarse(kernel, seen.get(kernel.place), most) for most in _CODES}
        for kernel in found
    }
    return _Search(content, found, options, _by_content(judge, name)).fewest(asked.codes_loss)


def _by_content(judge: Judge, name: str) -> Callable[[bytes], tuple[float, ...]]:
    def costs(content: bytes) -> tuple[float, ...]:
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            (Path(temporary) / name).write_bytes(content)
            return judge(Path(temporary))

    return costs


class _Search:
    """The search for the fewest codes."""

    def __init__(
        self,
        content: bytes,
        found: list[Kernel],
        options: Mapping[int, Options],
        costs: Callable[[bytes], tuple[float, ...]],
    ) -> None:
        self._content, self._options, self._costs = content, options, costs
        self._bytes = {kernel.place: packed_bytes(kernel.codes) for kernel in found}
        self._loss, distance, *_ = costs(content)
        self._sensitivity = {place: max(self._of({place: _ALONE})[1] - distance, _TINY) for place in options}

    def _of(self, chosen: Mapping[int, int]) -> tuple[float, ...]:
        return self._costs(self._made(chosen))

    def _made(self, chosen: Mapping[int, int]) -> bytes:
        return rewritten(self._content, {place: self._options[place][most] for place, most in chosen.items()})

    def fewest(self, loss: float) -> bytes:
        """Returns the file with the fewest codes that loses no more than is allowed, if any does."""
        scale = sum(self._bytes.values()) / sum(self._sensitivity.values())
        tried = list(dict.fromkeys(tuple(self._at(price * scale).items()) for price in _PRICES))
        # On so few examples a loss does not grow evenly with the price: bisection would end anywhere.
        within = (made for made in tried if self._of(dict(made))[0] <= self._loss + loss)
        fewest = next(within, None)
        return self._content if fewest is None else self._made(dict(fewest))

    def _at(self, price: float) -> dict[int, int]:
        """Returns how many codes each kernel has, given what distance costs in bytes; left out: all."""
        chosen = {}
        for place, options in self._options.items():
            costs = {
                most: each.packed_bytes + price * self._sensitivity[place] * (_ALONE // 2 / (most // 2)) ** 2
                for most, each in options.items()
            }
            most = min(costs, key=lambda each: costs[each])
            if costs[most] < self._bytes[place]:
                chosen[place] = most
        return chosen
