"""Structured 2:4 sparsity by TFMOT: of every four weights in a row, the two smallest are zero.

TFMOT chooses the zeros at the first step, by magnitude, and trains the rest on. The pattern is asserted on
what comes back; see ``patterns`` for what a row is.

Pruned are the kernels of Dense, Conv2D and the pointwise half of SeparableConv2D with at least 4 input
channels. Never pruned: depthwise and transposed convolutions (their innermost axis is another one), Conv1D
(TFMOT takes kernels of rank 2 and 4 only), and what ``magnitude`` does not prune either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import among
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras

KERNELS = {"Conv2D": "kernel", "Dense": "kernel", "SeparableConv2D": "pointwise_kernel"}


class TwoFour(FineTuning):
    """How long the pattern is trained."""

    epochs: int = Field(
        5,
        ge=1,
        description="Epochs of pruning and fine-tuning together.",
        json_schema_extra=among(2, 5, 10, 20),
    )


class TwoFourPruning(Pass[TwoFour]):
    """Structured 2:4 sparsity (TFMOT): two zeros in every four weights."""

    params = TwoFour
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"zeros", "two_four"})
    keeps = frozenset({"zeros", "two_four", "widths"})
    source = "https://arxiv.org/abs/2104.08378"

    def __call__(self, model: keras.Model, params: TwoFour, context: Context) -> keras.Model:
        """Returns a model whose kernels have two zeros in every four weights; see ``Pass``."""
        from trimtab.compress.patterns import BLOCK, ZEROS, has_two_four
        from trimtab.compress.tfmot.bridge import flat
        from trimtab.compress.tfmot.pruning import kernel_arrays, named_kernels, prune_twin

        source = flat(model)
        named = named_kernels(source, KERNELS)
        arrays = kernel_arrays(source, named)
        kernels = {name: named[name] for name, kernel in arrays.items() if kernel.shape[-2] >= BLOCK}
        pruned = prune_twin(source, kernels, params, context, sparsity_m_by_n=(ZEROS, BLOCK))
        for name, kernel in kernel_arrays(pruned, kernels).items():
            if not has_two_four(kernel):
                raise CompressionError("its kernel does not have two zeros in every four weights", field=name)
        context.say(f"{len(kernels)} kernels have two zeros in every four weights")
        return pruned


PASS = TwoFourPruning()
