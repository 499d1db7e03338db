"""Unstructured magnitude pruning: the smallest weights of every kernel become zero during training.

See ``gradual.py`` for the schedule, and ``kernels.py`` for what is never pruned. Zeros make a file smaller
after gzip; they make a model faster only where its runtime has kernels that skip them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.compress.parameters import Epochs, SpareEnds
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import MAIN, between

if TYPE_CHECKING:
    import keras


class Magnitude(FineTuning):
    """How many weights become zero, and how long that is trained."""

    sparsity: float = Field(
        0.7,
        gt=0,
        lt=1,
        description="Share of zero weights in every pruned kernel.",
        json_schema_extra=MAIN | between(0.3, 0.9),
    )
    spare_ends: SpareEnds = True
    epochs: Epochs = 5


class MagnitudePruning(Pass[Magnitude]):
    """Unstructured magnitude pruning, more and more of it during training."""

    params = Magnitude
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"zeros"})
    keeps = frozenset({"zeros", "two_four", "widths"})
    source = "https://arxiv.org/abs/1710.01878"

    def __call__(self, model: keras.Model, params: Magnitude, context: Context) -> keras.Model:
        """Returns a model whose kernels have the given share of zeros; see ``Pass``."""
        from trimtab.compress.gradual import prune_gradually
        from trimtab.compress.kernels import copied, kernels

        sparse = copied(model)
        chosen = kernels(sparse, spare_ends=params.spare_ends)
        prune_gradually(sparse, chosen, params.sparsity, params, context)
        return sparse


PASS = MagnitudePruning()
