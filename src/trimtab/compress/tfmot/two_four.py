"""Structured 2:4 sparsity by TFMOT: of every four weights in a row, the two smallest are zero.

Rows run along a kernel's input channels, the innermost axis in LiteRT's layout, where sparse kernels look for
the pattern (Mishra et al., "Accelerating Sparse Deep Neural Networks", 2021). TFMOT chooses the zeros at the
first step, by magnitude, and trains the rest on. The pattern is asserted on what comes back.

Pruned are the kernels of Dense, Conv2D and the pointwise half of SeparableConv2D with at least 4 input
channels. Never pruned: depthwise and transposed convolutions (their innermost axis is another one), Conv1D
(TFMOT takes kernels of rank 2 and 4 only), and what ``magnitude`` does not prune either.
"""

from __future__ import annotations

import keras
import numpy as np

from trimtab.compress.base import Context
from trimtab.compress.tfmot.bridge import flat
from trimtab.compress.tfmot.pruning import kernel_arrays, prune_twin
from trimtab.config.recipes import TwoFour
from trimtab.errors import CompressionError

ZEROS, BLOCK = 2, 4
KERNELS = {"Conv2D": "kernel", "Dense": "kernel", "SeparableConv2D": "pointwise_kernel"}


def two_four(model: keras.Model, params: TwoFour, context: Context) -> keras.Model:
    """Returns a model whose kernels have two zeros in every four weights; see ``PruneMethod``.

    Args:
        model: A functional or sequential Keras 3 model.
        params: How long to train.
        context: Gives the training batches.

    Raises:
        CompressionError: If the model has nothing to prune, holds a layer that the bridge does not know, or
            ends without the pattern.
    """
    source = flat(model)
    named = {
        layer.name: KERNELS[type(layer).__name__]
        for layer in source.layers
        if type(layer).__name__ in KERNELS
    }
    arrays = kernel_arrays(source, named)
    kernels = {name: named[name] for name, kernel in arrays.items() if kernel.shape[-2] >= BLOCK}
    pruned = prune_twin(
        source,
        kernels,
        context,
        params.epochs,
        context.learning_rate * params.learning_rate_factor,
        sparsity_m_by_n=(ZEROS, BLOCK),
    )
    for name, kernel in kernel_arrays(pruned, kernels).items():
        if not has_pattern(kernel):
            raise CompressionError("its kernel does not have two zeros in every four weights", field=name)
    context.say(f"{len(kernels)} kernels have two zeros in every four weights")
    return pruned


def has_pattern(kernel: np.ndarray) -> bool:
    """Returns whether every whole block of four input channels has at most two weights that are not zero.

    A last block of fewer than four may have two as well.

    Args:
        kernel: ``(…, inputs, outputs)``, as Keras stores it.
    """
    rows = np.moveaxis(kernel, -2, -1).reshape(-1, kernel.shape[-2])
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % BLOCK)))
    return bool((np.count_nonzero(padded.reshape(-1, BLOCK), axis=1) <= BLOCK - ZEROS).all())
