"""Structured 2:4 sparsity: of every four weights in a row, the two smallest are zero.

The zeros are chosen before the first step, by magnitude, and the rest is trained on. See ``patterns`` for
what a row is, and ``kernels`` for what is never pruned; no kernel is of fewer than four input channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.compress.base import Context, Pass
from trimtab.compress.parameters import Epochs, SpareEnds
from trimtab.config.fine_tuning import FineTuning
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras


class TwoFour(FineTuning):
    """How long the pattern is trained."""

    spare_ends: SpareEnds = True
    epochs: Epochs = 5


class TwoFourPruning(Pass[TwoFour]):
    """Structured 2:4 sparsity: two zeros in every four weights."""

    params = TwoFour
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"zeros", "two_four"})
    keeps = frozenset({"zeros", "two_four", "widths"})
    source = "https://arxiv.org/abs/2104.08378"

    def __call__(self, model: keras.Model, params: TwoFour, context: Context) -> keras.Model:
        """Returns a model whose kernels have two zeros in every four weights; see ``Pass``."""
        import keras
        import numpy as np

        from trimtab.compress.kernels import copied, kernels
        from trimtab.compress.masks import keep_zeros
        from trimtab.compress.patterns import BLOCK, has_two_four, two_four

        sparse = copied(model)
        chosen = kernels(sparse, spare_ends=params.spare_ends, least_inputs=BLOCK)
        for kernel in chosen.values():
            kernel.assign(two_four(np.array(kernel)))
        context.fine_tune(sparse, params, callbacks=keep_zeros(sparse, keras.callbacks))
        for name, kernel in chosen.items():
            if not has_two_four(np.array(kernel)):
                raise CompressionError("its kernel does not have two zeros in every four weights", field=name)
        context.say(f"{len(chosen)} kernels have two zeros in every four weights")
        return sparse


PASS = TwoFourPruning()
