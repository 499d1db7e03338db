"""2:4 sparsity: two zeros in every four weights in a row.

Rows run along a kernel's input channels, the innermost axis in LiteRT's layout, where sparse kernels look for
the pattern (Mishra et al., "Accelerating Sparse Deep Neural Networks", 2021).
"""

from __future__ import annotations

import numpy as np

ZEROS, BLOCK = 2, 4
_CHANCE = 1e-6
"""Below this probability, a kernel of as many zeros has the pattern by intent."""


def is_two_four(kernel: np.ndarray) -> bool:
    """Returns whether a kernel has the pattern, and more zeros in a row than chance would give it.

    Args:
        kernel: ``(…, inputs, outputs)``, as Keras stores it.
    """
    inputs = kernel.shape[-2]
    blocks = kernel.size // inputs * (inputs // BLOCK)
    zeros = 1 - np.count_nonzero(kernel) / kernel.size
    weights = 1 - zeros
    too_full = 4 * weights**3 * zeros + weights**4
    return has_two_four(kernel) and bool((1 - too_full) ** blocks < _CHANCE)


def has_two_four(kernel: np.ndarray) -> bool:
    """Returns whether every whole block of four input channels has at most two weights that are not zero.

    A last block of fewer than four may have two as well.

    Args:
        kernel: ``(…, inputs, outputs)``, as Keras stores it.
    """
    rows = np.moveaxis(kernel, -2, -1).reshape(-1, kernel.shape[-2])
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % BLOCK)))
    return bool((np.count_nonzero(padded.reshape(-1, BLOCK), axis=1) <= BLOCK - ZEROS).all())


def two_four(kernel: np.ndarray) -> np.ndarray:
    """Returns a kernel with zeros in the place of the two smallest weights of every four input channels.

    A last block of fewer than four keeps its two largest.

    Args:
        kernel: ``(…, inputs, outputs)``, as Keras stores it.
    """
    rows = np.moveaxis(kernel, -2, -1)
    padded = np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, -rows.shape[-1] % BLOCK)])
    blocks = padded.reshape(-1, BLOCK)
    smallest = np.argsort(np.abs(blocks), axis=1, kind="stable")[:, :ZEROS]
    np.put_along_axis(blocks, smallest, 0, axis=1)
    kept = blocks.reshape(padded.shape)[..., : rows.shape[-1]]
    return np.moveaxis(kept, -1, -2)
