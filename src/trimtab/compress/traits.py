"""What earlier steps made of a model, as its weights show it, and what later ones have to keep.

A step asks for the model's traits, never for the methods that it went through: a model that came sparse from
elsewhere is treated like one that was pruned here.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from trimtab.artifacts.traits import Traits
from trimtab.compress.patterns import is_two_four
from trimtab.compress.sharing import values, values_by_channel
from trimtab.models.cost import KERNELS

LEAST_ZEROS = 0.05
"""Share of zeros from which on they are meant: training by itself leaves next to none."""

MOST_CLUSTERS = 256
_CLUSTERED = 4
"""A kernel, or a channel, is clustered if its values are at most a 4th as many as its weights."""

WORDS = {"zeros": "the zeros", "two_four": "the 2:4 pattern", "clusters": "the shared weights"}


def measure(model: keras.Model) -> Traits:
    """Returns the traits of a Keras model."""
    arrays = dict(kernels(model))
    zeros = {name: share for name, array in arrays.items() if (share := zero_share(array)) >= LEAST_ZEROS}
    return Traits(
        zeros=zeros,
        two_four=[name for name in zeros if is_two_four(arrays[name])],
        clusters={name: count for name, array in arrays.items() if (count := _clusters(array))},
        widths={name: int(array.shape[-1]) for name, array in arrays.items()},
    )


def lost(before: keras.Model, after: keras.Model) -> str:
    """Returns which trait of a model another one, made of it, has no more, in words; empty if none."""
    old, new = dict(kernels(before)), dict(kernels(after))
    had, has = measure(before), measure(after)
    for name in had.zeros.keys() & new.keys():
        if old[name].shape == new[name].shape and np.any(new[name][old[name] == 0]):
            return f"zeros of {name}"
    for name in had.two_four:
        if name in new and name not in has.two_four:
            return f"the 2:4 pattern of {name}"
    for name, count in had.clusters.items():
        if name in new and has.clusters.get(name, MOST_CLUSTERS + 1) > count:
            return f"the shared weights of {name}"
    return next(
        (f"the width of {n}" for n, width in has.widths.items() if width > had.widths.get(n, width)), ""
    )


def kernels(model: keras.Model) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the kernels of a model by their paths, such as ``dense_1/kernel``."""
    for weight in model.weights:
        if weight.name in KERNELS:
            yield weight.path, np.asarray(weight.numpy())


def zero_share(array: np.ndarray) -> float:
    """Returns the share of zeros in a kernel; 0 of one that is nothing but zeros, which are no choice."""
    count = np.count_nonzero(array)
    return float(1 - count / array.size) if count else 0.0


def _clusters(array: np.ndarray) -> int:
    """Returns the number of distinct values but zero, if they are few for a kernel of its size; else 0.

    Of a kernel whose output channels have values of their own, it is the most that one has.
    """
    sizes = np.count_nonzero(array.reshape(-1, array.shape[-1]), axis=0)
    whole, alone = values(array), int(sizes.sum()) // max(int(np.count_nonzero(sizes)), 1)
    if 1 < whole <= min(MOST_CLUSTERS, int(sizes.sum()) // _CLUSTERED):
        return whole
    found = values_by_channel(array) if whole > 1 else 0
    return found if 1 < found <= min(MOST_CLUSTERS, alone // _CLUSTERED) else 0
