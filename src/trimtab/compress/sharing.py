"""Weights that share a few values, found by k-means and trained without losing them.

Source: Han, Mao and Dally, "Deep Compression", 2016: k-means with centroids that begin at equal distances
between the smallest and the largest weight, which keeps the large ones, and a gradient for each centroid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

ITERATIONS = 50


def shared(kernel: np.ndarray, count: int) -> np.ndarray:
    """Returns a kernel whose weights have at most ``count`` values, and zero where it was.

    Args:
        kernel: Of any shape.
        count: How many; a kernel that has no more stays as it is.
    """
    values = kernel[kernel != 0].astype(np.float64)
    if len(np.unique(values)) <= count:
        return kernel
    centroids = np.linspace(values.min(), values.max(), count)
    for _ in range(ITERATIONS):
        nearest = _nearest(values, centroids)
        sizes = np.bincount(nearest, minlength=len(centroids))
        sums = np.bincount(nearest, values, minlength=len(centroids))
        moved = (sums / np.maximum(sizes, 1))[sizes > 0]
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    found = np.zeros_like(kernel)
    found[kernel != 0] = centroids[_nearest(values, centroids)]
    return found


def shared_by_channel(kernel: np.ndarray, count: int) -> np.ndarray:
    """Returns a kernel as ``shared`` does, each output channel, its last axis, by itself."""
    channels = kernel.reshape(-1, kernel.shape[-1]).T
    return np.stack([shared(channel, count) for channel in channels], axis=-1).reshape(kernel.shape)


def values(kernel: np.ndarray) -> int:
    """Returns how many distinct values but zero a kernel has."""
    return len(np.unique(kernel[kernel != 0]))


def values_by_channel(kernel: np.ndarray) -> int:
    """Returns how many distinct values but zero the output channel has that has the most."""
    ordered = np.sort(kernel.reshape(-1, kernel.shape[-1]), axis=0)
    begins = np.concatenate([np.ones_like(ordered[:1], bool), ordered[1:] != ordered[:-1]])
    return int((begins & (ordered != 0)).sum(axis=0).max(initial=0))


def _nearest(values: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values)


class KeepShared(keras.callbacks.Callback):  # type: ignore[misc]  # untyped
    """Gives the weights of a cluster their mean after every step: so their centroid follows their gradients.

    Which weights belong together is seen in their values when a training begins, or goes on. Zeros stay.

    Args:
        kernels: The variables.
    """

    def __init__(self, kernels: Sequence[Any]) -> None:
        super().__init__()
        self._kernels = kernels
        self._clusters = [tf.Variable(tf.zeros(kernel.shape, tf.int32)) for kernel in kernels]
        self._masks = [tf.Variable(tf.ones(kernel.shape, kernel.dtype)) for kernel in kernels]
        self._most = 0
        self._project = tf.function(self._projected, autograph=False)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Looks at the state that the training goes on from."""
        for kernel, clusters, mask in zip(self._kernels, self._clusters, self._masks, strict=True):
            values, places = np.unique(np.array(kernel), return_inverse=True)
            clusters.assign(places.reshape(kernel.shape).astype(np.int32))
            mask.assign(np.array(kernel) != 0)
            self._most = max(self._most, len(values))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Shares again."""
        self._project()

    def _projected(self) -> None:
        for kernel, clusters, mask in zip(self._kernels, self._clusters, self._masks, strict=True):
            flat = tf.reshape(clusters, [-1])
            means = tf.math.unsorted_segment_mean(tf.reshape(kernel, [-1]), flat, self._most)
            kernel.assign(tf.reshape(tf.gather(means, flat), kernel.shape) * mask)
