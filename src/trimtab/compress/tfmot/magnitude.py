"""Unstructured magnitude pruning by TFMOT: the smallest weights of every kernel become zero during training.

The sparsity rises as a cubic polynomial over the first 60 % of the steps and then stays, so that the rest of
the training repairs what was lost (Zhu and Gupta, "To prune, or not to prune", 2017). The schedule is sized
to the real number of steps, and the sparsity that was reached is asserted: TFMOT itself ends at 0 % without a
word when a schedule does not fit.

Pruned are the kernels of Dense, Conv1D, Conv2D, Conv2DTranspose and the pointwise half of separable
convolutions, the first and the last layer among them. Never pruned: depthwise kernels (TFMOT does not; they
are few and matter), biases, normalizations, and embeddings (TFMOT would; but the size of a word vector says
how frequent a word is, not how important).
"""

from __future__ import annotations

import keras
import numpy as np

from trimtab.compress.base import Context
from trimtab.compress.tfmot.bridge import flat
from trimtab.compress.tfmot.pruning import kernel_arrays, prune_twin
from trimtab.config.recipes import Magnitude
from trimtab.errors import CompressionError

PRUNING_SHARE = 0.6
MASK_UPDATES = 50
TOLERANCE = 0.01
KERNELS = {
    "Conv1D": "kernel",
    "Conv2D": "kernel",
    "Conv2DTranspose": "kernel",
    "Dense": "kernel",
    "SeparableConv1D": "pointwise_kernel",
    "SeparableConv2D": "pointwise_kernel",
}


def magnitude(model: keras.Model, params: Magnitude, context: Context) -> keras.Model:
    """Returns a model whose kernels have the given share of zeros; see ``PruneMethod``.

    Args:
        model: A functional or sequential Keras 3 model.
        params: The sparsity, and how long to train.
        context: Gives the training batches.

    Raises:
        CompressionError: If the model has nothing to prune, holds a layer that the bridge does not know, or
            ends with another sparsity than asked for.
    """
    from tensorflow_model_optimization.sparsity.keras import PolynomialDecay

    source = flat(model)
    kernels = {
        layer.name: KERNELS[type(layer).__name__]
        for layer in source.layers
        if type(layer).__name__ in KERNELS
    }
    frequency, end = schedule_steps(params.epochs * context.steps_per_epoch)
    schedule = PolynomialDecay(0.0, params.sparsity, begin_step=0, end_step=end, frequency=frequency)
    pruned = prune_twin(
        source,
        kernels,
        context,
        params.epochs,
        context.learning_rate * params.learning_rate_factor,
        pruning_schedule=schedule,
    )
    check_sparsity(kernel_arrays(pruned, kernels), params.sparsity, context)
    return pruned


def schedule_steps(steps: int) -> tuple[int, int]:
    """Returns ``(steps between mask updates, step of the last one)`` for a training of that many steps.

    The last update is a multiple of the frequency, or TFMOT would skip it; training steps count from 1.

    Args:
        steps: Training steps in all.
    """
    end = max(1, int(steps * PRUNING_SHARE))
    frequency = max(1, end // MASK_UPDATES)
    return frequency, end // frequency * frequency


def check_sparsity(kernels: dict[str, np.ndarray], target: float, context: Context) -> None:
    """Reports the sparsity that was reached.

    Args:
        kernels: The pruned kernels by layer.
        target: The share of zeros that each was to have.
        context: Where to report.

    Raises:
        CompressionError: If a kernel misses the target by more than a hundredth, or by more than one weight.
    """
    for name, kernel in kernels.items():
        found = 1 - np.count_nonzero(kernel) / kernel.size
        if abs(found - target) > max(TOLERANCE, 1 / kernel.size):
            raise CompressionError(
                f"expected {target:.1%} zeros in its kernel, found {found:.1%}", field=name
            )
    zeros = sum(kernel.size - np.count_nonzero(kernel) for kernel in kernels.values())
    size = sum(kernel.size for kernel in kernels.values())
    context.say(f"{zeros / size:.1%} of {size:,} weights in {len(kernels)} kernels are zero")
