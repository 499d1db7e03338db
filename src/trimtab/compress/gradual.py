"""Zeros that grow while a model is trained: the weights, or blocks of them, that are smallest go first.

The sparsity rises as a cubic polynomial over the first 60 % of the steps and then stays, so that the rest of
the training repairs what was lost (Zhu and Gupta, "To prune, or not to prune", 2017). What is zero stays
zero. All that a step depends on is in the model and its optimizer: a training goes on exactly where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trimtab.compress.base import Context
from trimtab.compress.kernels import arrays
from trimtab.compress.masks import keep_zeros
from trimtab.config.fine_tuning import FineTuning
from trimtab.errors import CompressionError

PRUNING_SHARE = 0.6
MASK_UPDATES = 50
TOLERANCE = 0.01

Block = tuple[int, int]
"""Outputs and input channels of a block; ``(1, 1)`` is a weight."""


def prune_gradually(
    model: keras.Model,
    kernels: Mapping[str, Any],
    sparsity: float,
    tuning: FineTuning,
    context: Context,
    block: Block = (1, 1),
) -> None:
    """Fine-tunes a model in place while its kernels become sparse.

    Args:
        model: A flat functional Keras model.
        kernels: The variables to prune, by the name of their layer.
        sparsity: The share of blocks of each that is to be zero.
        tuning: How to train.
        context: Trains, and takes what was reached.
        block: What becomes zero together.

    Raises:
        CompressionError: If a kernel had more zeros before.
    """
    before = arrays(dict(kernels))
    for name, kernel in before.items():
        _refuse_fewer(name, kernel, sparsity, block)
    every, end = schedule_steps(tuning.epochs * context.steps_per_epoch)
    pruning = _Pruning(list(kernels.values()), sparsity, every, end, block)
    context.fine_tune(model, tuning, callbacks=[pruning, *keep_zeros(model, keras.callbacks)])
    after = arrays(dict(kernels))
    for name, kernel in after.items():
        reached = _zero_share(kernel, block)
        if abs(reached - sparsity) > max(TOLERANCE, 1 / _scores(kernel, block).size):
            raise CompressionError(
                f"expected {sparsity:.1%} zeros in its kernel, found {reached:.1%}", field=name
            )
    zeros, size = (sum(count(kernel) for kernel in after.values()) for count in (_zeros, np.size))
    context.say(f"{zeros / size:.1%} of {size:,} weights in {len(after)} kernels are zero")


def schedule_steps(steps: int) -> tuple[int, int]:
    """Returns ``(steps between updates, step of the last one)`` for a training of that many steps.

    Args:
        steps: Training steps in all; they count from 1.
    """
    end = max(1, int(steps * PRUNING_SHARE))
    every = max(1, end // MASK_UPDATES)
    return every, end // every * every


def pruned(kernel: np.ndarray, sparsity: float, block: Block = (1, 1)) -> np.ndarray:
    """Returns a kernel with zeros in the place of its smallest blocks, by the sum of their absolute values.

    Args:
        kernel: ``(…, inputs, outputs)``, as Keras stores it.
        sparsity: Share of the blocks; zeros that are there are the first of them.
        block: What becomes zero together.
    """
    scores = _scores(kernel, block)
    gone = np.argsort(scores, axis=None, kind="stable")[: round(sparsity * scores.size)]
    mask = np.ones(scores.size, bool)
    mask[gone] = False
    wide = np.repeat(np.repeat(mask.reshape(scores.shape), block[1], axis=-2), block[0], axis=-1)
    return np.where(wide[..., : kernel.shape[-2], : kernel.shape[-1]], kernel, 0).astype(kernel.dtype)


class _Pruning(keras.callbacks.Callback):  # type: ignore[misc]  # untyped
    """Prunes at some steps, and keeps the zeros at all others.

    Args:
        kernels: The variables.
        sparsity: Where it ends.
        every: Steps between updates.
        end: The step of the last update.
        block: What becomes zero together.
    """

    def __init__(self, kernels: Sequence[Any], sparsity: float, every: int, end: int, block: Block) -> None:
        super().__init__()
        self._kernels, self._sparsity, self._block = kernels, sparsity, block
        self._every, self._end = every, end
        self._masks = [tf.Variable(tf.ones(kernel.shape, kernel.dtype)) for kernel in kernels]
        self._project = tf.function(self._projected, autograph=False)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Looks at the state that the training goes on from."""
        self._take_masks()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Follows the schedule."""
        step = int(self.model.optimizer.iterations)
        if step > self._end or step % self._every:
            self._project()
            return
        now = self._sparsity * (1 - (1 - step / self._end) ** 3)
        self._project()
        for kernel in self._kernels:
            kernel.assign(
                pruned(np.array(kernel), max(now, _zero_share(np.array(kernel), self._block)), self._block)
            )
        self._take_masks()

    def _take_masks(self) -> None:
        for mask, kernel in zip(self._masks, self._kernels, strict=True):
            mask.assign(np.array(kernel) != 0)

    def _projected(self) -> None:
        for mask, kernel in zip(self._masks, self._kernels, strict=True):
            kernel.assign(kernel * mask)


def _scores(kernel: np.ndarray, block: Block) -> np.ndarray:
    """Returns the sum of absolute values of every block, ``(…, input blocks, output blocks)``."""
    outputs, inputs = block
    sizes = np.abs(kernel.astype(np.float64))
    edges = [(0, 0)] * (kernel.ndim - 2)
    padded = np.pad(sizes, [*edges, (0, -kernel.shape[-2] % inputs), (0, -kernel.shape[-1] % outputs)])
    rows, columns = padded.shape[-2] // inputs, padded.shape[-1] // outputs
    sums: np.ndarray = padded.reshape(*padded.shape[:-2], rows, inputs, columns, outputs).sum(axis=(-3, -1))
    return sums


def _zero_share(kernel: np.ndarray, block: Block) -> float:
    scores = _scores(kernel, block)
    return float(1 - np.count_nonzero(scores) / scores.size)


def _zeros(kernel: np.ndarray) -> int:
    return int(kernel.size - np.count_nonzero(kernel))


def _refuse_fewer(name: str, kernel: np.ndarray, sparsity: float, block: Block) -> None:
    had = _zero_share(kernel, block)
    if had > sparsity + max(TOLERANCE, 1 / _scores(kernel, block).size):
        raise CompressionError(
            f"its kernel had {had:.1%} zeros before: a sparsity of {sparsity:.1%} asks for fewer",
            field=name,
            hint="Ask for a higher sparsity, or leave the step out.",
        )
