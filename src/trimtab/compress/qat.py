"""Quantization-aware training on Keras' own graph: what a model learns so holds in the int8 of any runtime.

Weights stay floats, and are rounded where they are read; what a runtime's quantizer makes of them is what was
trained with, as both round each channel by its largest weight. Ranges of activations are those of each batch;
the runtime measures its own. Zeros and shared weights stay: they are trained without being lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import among, between
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras


class Qat(FineTuning):
    """How long the model learns to bear rounding."""

    epochs: int = Field(
        2, ge=1, description="Epochs of quantization-aware training.", json_schema_extra=among(1, 2, 5, 10)
    )
    learning_rate_factor: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Times `train.learning_rate`.",
        json_schema_extra=between(0.01, 0.3, log=True),
    )


class RoundingTraining(Pass[Qat]):
    """Training with weights and activations rounded to 8 bits, for the int8 of any runtime."""

    params = Qat
    needs = frozenset({"data", "gradients", "labels"})
    keeps = frozenset({"zeros", "two_four", "clusters", "widths"})
    source = "https://arxiv.org/abs/1712.05877"

    def __call__(self, model: keras.Model, params: Qat, context: Context) -> keras.Model:
        """Returns a model of the same shape that bears rounding; see ``Pass``."""
        import keras

        from trimtab.compress.kernels import copied
        from trimtab.compress.masks import keep_zeros
        from trimtab.compress.rounding.model import rounding
        from trimtab.compress.rounding.rounded import kernels
        from trimtab.compress.sharing import KeepShared
        from trimtab.compress.traits import measure
        from trimtab.models.functional import copy

        trained = copied(model)
        if not any(kernels(layer) for layer in trained.layers):
            raise CompressionError("it has no layer with a kernel to round", field=model.name)
        clustered = measure(trained).clusters
        shared = [weight for weight in trained.trainable_weights if weight.path in clustered]
        callbacks = [*([KeepShared(shared)] if shared else []), *keep_zeros(trained, keras.callbacks)]
        context.fine_tune(rounding(trained), params, callbacks=callbacks)
        return copy(trained)


PASS = RoundingTraining()
