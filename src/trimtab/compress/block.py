"""Blocks of weights become zero together during training, the smallest first.

A block is one output, or four, by four input channels next to each other (Narang et al., "Block-Sparse
Recurrent Neural Networks", 2017): what sparse kernels of runtimes can skip, and what gzip finds more easily
than single zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.compress.parameters import Epochs, SpareEnds
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import MAIN, among, between

if TYPE_CHECKING:
    import keras

SIZES = {"1x4": (1, 4), "4x4": (4, 4)}


class Blocks(FineTuning):
    """How many blocks become zero, how large they are, and how long that is trained."""

    sparsity: float = Field(
        0.6,
        gt=0,
        lt=1,
        description="Share of zero blocks in every pruned kernel.",
        json_schema_extra=MAIN | between(0.3, 0.8),
    )
    size: Literal["1x4", "4x4"] = Field(
        "1x4", description="Outputs by input channels of a block.", json_schema_extra=among("1x4", "4x4")
    )
    spare_ends: SpareEnds = True
    epochs: Epochs = 5


class BlockPruning(Pass[Blocks]):
    """Zeros in blocks of 1x4 or 4x4 weights, more and more of them during training."""

    params = Blocks
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"zeros"})
    keeps = frozenset({"zeros", "widths"})
    source = "https://arxiv.org/abs/1711.02782"

    def __call__(self, model: keras.Model, params: Blocks, context: Context) -> keras.Model:
        """Returns a model whose kernels have the given share of zero blocks; see ``Pass``."""
        from trimtab.compress.gradual import prune_gradually
        from trimtab.compress.kernels import copied, kernels

        sparse, block = copied(model), SIZES[params.size]
        chosen = kernels(sparse, spare_ends=params.spare_ends, least_inputs=block[1])
        prune_gradually(sparse, chosen, params.sparsity, params, context, block)
        return sparse


PASS = BlockPruning()
