"""Structured pruning: whole filters and units are removed, so that the model truly shrinks.

Channels that depend on each other are found by a dependency graph (Fang et al., "DepGraph: Towards Any
Structural Pruning", 2023), which also gives the idea of a group's importance (norms as in Li et al., "Pruning
Filters for Efficient ConvNets", 2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import MAIN, among, between
from trimtab.errors import CompressionError, ModelError

if TYPE_CHECKING:
    import keras


class Channels(FineTuning):
    """Which channels to remove, and how to fine-tune what is left."""

    ratio: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Share of the channels removed in every prunable group.",
        json_schema_extra=MAIN | between(0.1, 0.75),
    )
    epochs: int = Field(
        5, ge=1, description="Epochs of fine-tuning after the cut.", json_schema_extra=among(2, 5, 10, 20)
    )
    learning_rate_factor: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Times `train.learning_rate`.",
        json_schema_extra=between(0.1, 1, log=True),
    )


class ChannelPruning(Pass[Channels]):
    """Whole filters and units removed, so that the model truly shrinks.

    Layers of a kind whose effect on channels is not known, grouped convolutions among them, stay whole with
    everything that feeds them. The model's outputs are never removed. Zeros of a sparse model stay.
    """

    params = Channels
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"widths"})
    keeps = frozenset({"zeros", "widths"})
    source = "https://arxiv.org/abs/2301.12900"

    def __call__(self, model: keras.Model, params: Channels, context: Context) -> keras.Model:
        """Returns a narrower model; see ``Pass``."""
        import keras

        from trimtab.compress.graph.cut import cut
        from trimtab.compress.graph.selection import check_shrinkage, choose
        from trimtab.compress.graph.trace import trace
        from trimtab.compress.masks import keep_zeros
        from trimtab.models.functional import as_functional

        try:
            flat = as_functional(model, model.name)
        except ModelError as error:
            raise CompressionError(error.message, field=error.field, hint=error.hint) from error
        dependencies = trace(flat)
        keep = choose(flat, dependencies, params.ratio)
        pruned = cut(flat, dependencies, keep)
        context.say(check_shrinkage(flat, pruned, dependencies, keep))
        context.fine_tune(pruned, params, callbacks=keep_zeros(pruned, keras.callbacks))
        return pruned


PASS = ChannelPruning()
