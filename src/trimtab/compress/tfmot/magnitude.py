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

from typing import TYPE_CHECKING

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import MAIN, among, between

if TYPE_CHECKING:
    import keras

PRUNING_SHARE = 0.6
MASK_UPDATES = 50
KERNELS = {
    "Conv1D": "kernel",
    "Conv2D": "kernel",
    "Conv2DTranspose": "kernel",
    "Dense": "kernel",
    "SeparableConv1D": "pointwise_kernel",
    "SeparableConv2D": "pointwise_kernel",
}


class Magnitude(FineTuning):
    """How many weights become zero, and how long that is trained."""

    sparsity: float = Field(
        0.7,
        gt=0,
        lt=1,
        description="Share of zero weights in every pruned kernel.",
        json_schema_extra=MAIN | between(0.3, 0.9),
    )
    epochs: int = Field(
        5,
        ge=1,
        description="Epochs of pruning and fine-tuning together.",
        json_schema_extra=among(2, 5, 10, 20),
    )


class MagnitudePruning(Pass[Magnitude]):
    """Unstructured magnitude pruning (TFMOT, polynomial schedule)."""

    params = Magnitude
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"zeros"})
    keeps = frozenset({"zeros", "two_four", "widths"})
    source = "https://arxiv.org/abs/1710.01878"

    def __call__(self, model: keras.Model, params: Magnitude, context: Context) -> keras.Model:
        """Returns a model whose kernels have the given share of zeros; see ``Pass``."""
        from tensorflow_model_optimization.sparsity.keras import PolynomialDecay

        from trimtab.compress.tfmot.bridge import flat
        from trimtab.compress.tfmot.pruning import check_sparsity, kernel_arrays, named_kernels, prune_twin

        source = flat(model)
        kernels = named_kernels(source, KERNELS)
        frequency, end = schedule_steps(params.epochs * context.steps_per_epoch)
        schedule = PolynomialDecay(0.0, params.sparsity, begin_step=0, end_step=end, frequency=frequency)
        pruned = prune_twin(source, kernels, params, context, pruning_schedule=schedule)
        before, after = (kernel_arrays(each, kernels) for each in (source, pruned))
        check_sparsity(before, after, params.sparsity, context)
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


PASS = MagnitudePruning()
