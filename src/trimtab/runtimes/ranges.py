"""Ranges of activations in 8 bits: what is cut off, so that the rest has finer steps.

From the smallest to the largest value is no good where an example is unlike the others: one that was fifty
times as large cost a network of dense layers 21 points. So a range can also leave out a share of the values
(``percentile``), or be the one that keeps the squared error of rounding and cutting least
(``least_squares``): in decibels of each example's own size, as otherwise the one outlier would be worth more
than all the rest. Which of them a model is best with, is tried on validation examples.

Source: Migacz, 8-bit Inference with TensorRT (2017); Banner et al., arXiv:1810.05723; Choukroun et al.,
arXiv:1902.06822.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.batch import Batch, rows, take

Rule = Literal["min_max", "percentile", "least_squares"]
RULES: tuple[Rule, ...] = ("min_max", "percentile", "least_squares")
"""The first is what is taken where nothing says which is best."""

Judge = Callable[[Path], tuple[float, ...]]
"""Returns what files cost on validation examples: less is better, and later numbers decide between equals."""

Limits = tuple[float, float]
_Values = NDArray[np.float32]

CUT = 1e-3
"""What share of the values ``percentile`` leaves out at each end."""
_STEPS, _TINY = 255, 1e-9
_PER_EXAMPLE = 128
_SHARES = (0.0, 1e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2e-2, 4e-2)


def best(
    asked: str,
    make: Callable[[Rule, Path], None],
    directory: Path,
    judge: Judge | None,
) -> Rule:
    """Leaves a model's files in a directory, with the ranges that cost the least.

    Args:
        asked: A rule, or ``auto``.
        make: Writes the files with the ranges of a rule.
        directory: Where the files go.
        judge: Says what they cost; None: nobody can, and it is the first rule.

    Returns:
        The rule.
    """
    rule = next((each for each in RULES if each == asked), None)
    if rule is None and judge is None:
        rule = RULES[0]
    if rule is not None:
        make(rule, directory)
        return rule
    assert judge is not None
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        places = {each: Path(temporary) / each for each in RULES}
        for each, place in places.items():
            place.mkdir()
            make(each, place)
        chosen = min(RULES, key=lambda each: judge(places[each]))
        shutil.copytree(places[chosen], directory, dirs_exist_ok=True)
    return chosen


def limits(rule: Rule, extremes: Mapping[str, Limits], values: Mapping[str, _Values]) -> dict[str, Limits]:
    """Returns the ranges of tensors by a rule.

    Args:
        rule: Which.
        extremes: The smallest and the largest value of each.
        values: Some of its values, ``(examples, n)``; a tensor with none keeps its extremes.
    """
    pick = {"percentile": _percentile, "least_squares": _least_squares}.get(rule)
    if pick is None:
        return dict(extremes)
    return {
        name: pick(values[name], ends) if name in values and values[name].size else ends
        for name, ends in extremes.items()
    }


def drawn(outputs: Iterable[Mapping[str, NDArray[np.floating]]]) -> dict[str, _Values]:
    """Returns some of the values of tensors, the same places of every example, ``(examples, n)`` each.

    Args:
        outputs: All values by the tensor's name, example by example.
    """
    generator, places = np.random.default_rng(0), dict[str, NDArray[np.intp]]()
    samples: dict[str, list[_Values]] = {}
    for tensors in outputs:
        for name, tensor in tensors.items():
            flat = tensor.reshape(-1)
            if name not in places:
                size = min(flat.size, _PER_EXAMPLE)
                places[name] = np.sort(generator.choice(flat.size, size, replace=False))
            samples.setdefault(name, []).append(np.asarray(flat[places[name]], np.float32))
    return {name: np.stack(parts) for name, parts in samples.items()}


def examples(batch: Batch) -> Iterator[Batch]:
    """Yields examples one by one."""
    return (take(batch, place, place + 1) for place in range(rows(batch)))


def _percentile(values: _Values, ends: Limits) -> Limits:
    return _within(ends, *np.quantile(values, [CUT, 1 - CUT]))


def _least_squares(values: _Values, ends: Limits) -> Limits:
    """Returns the range of least error: first where it ends, given where it begins, then where it begins."""
    size = np.square(values).mean(axis=1) + np.float32(_TINY)
    low, high = ends

    def error(low: float, high: float) -> float:
        step = (high - low) / _STEPS or 1.0
        zero = round(-low / step)
        rounded = (np.clip(np.round(values / step) + zero, 0, _STEPS) - zero) * step
        return float(np.log(np.square(rounded - values).mean(axis=1) / size + _TINY).mean())

    highs = [ends[1], *np.quantile(values, [1 - share for share in _SHARES[1:]])]
    high = min((max(float(each), low) for each in highs), key=lambda each: error(low, each))
    lows = [ends[0], *np.quantile(values, _SHARES[1:])]
    low = min((min(float(each), high) for each in lows), key=lambda each: error(each, high))
    return _within(ends, low, high)


def _within(ends: Limits, low: float, high: float) -> Limits:
    """Returns a range inside the one that was found; one with nothing in it is that."""
    low, high = max(float(low), ends[0]), min(float(high), ends[1])
    return (low, high) if low < high else ends
