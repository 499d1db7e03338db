"""Structured pruning: whole filters and units are removed, so that the model truly shrinks.

Channels that depend on each other are found by a dependency graph (Fang et al., "DepGraph: Towards Any
Structural Pruning", 2023), which also gives the idea of a group's importance (norms as in Li et al., "Pruning
Filters for Efficient ConvNets", 2017). How much a channel counts is said by a criterion: see
``graph/criteria.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.compress.targets import Target
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import MAIN, among, between
from trimtab.errors import CompressionError, ModelError

if TYPE_CHECKING:
    import keras
    import numpy as np

    from trimtab.compress.graph.dependency import Dependencies

_BYTES = "bytes after gzip"


class Channels(FineTuning):
    """Which channels to remove, and how to fine-tune what is left."""

    ratio: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Share of the channels removed in every prunable group.",
        json_schema_extra=MAIN | between(0.1, 0.75),
    )
    criterion: Literal["norms", "activations", "taylor"] = Field(
        "activations",
        description="What says how much a channel counts: the norms of its weights; what it carries to the "
        "kernels that read it, on training examples; or what the loss would be without it, to first order.",
        json_schema_extra=among("norms", "activations", "taylor"),
    )
    target: Target | None = Field(
        None,
        description="In the place of `ratio`: how small or fast the model becomes, such as `{macs: 0.5}` "
        "or `{latency_ratio: 0.5, quantization: int8}`. All groups are ranked together by what a channel "
        "counts and costs; where latency has a limit, by what each width saves as measured.",
        json_schema_extra=among(None, {"macs": 0.5}, {"macs": 0.25}, {"parameters": 0.5}),
    )
    rounds: int = Field(
        1,
        ge=1,
        le=20,
        description="In how many parts to cut, each fine-tuned for its share of the epochs.",
        json_schema_extra=among(1, 2, 4),
    )
    epochs: int = Field(
        5,
        ge=1,
        description="Epochs of fine-tuning after the cut, in all.",
        json_schema_extra=among(2, 5, 10, 20),
    )
    learning_rate_factor: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Times `train.learning_rate`.",
        json_schema_extra=between(0.1, 1, log=True),
    )


class ChannelPruning(Pass[Channels]):
    """Whole filters, units and attention heads removed, so that the model truly shrinks.

    Layers of a kind whose effect on channels is not known stay whole with everything that feeds them, as does
    what is normalized across channels; the log names them. The model's outputs are never removed. Zeros of a
    sparse model stay.
    """

    params = Channels
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"widths"})
    keeps = frozenset({"zeros", "widths"})
    source = "https://arxiv.org/abs/2301.12900"

    def __call__(self, model: keras.Model, params: Channels, context: Context) -> keras.Model:
        """Returns a narrower model; see ``Pass``."""
        from trimtab.models.functional import as_functional

        try:
            narrow = as_functional(model, model.name)
        except ModelError as error:
            raise CompressionError(error.message, field=error.field, hint=error.hint) from error
        plan, tuned = _Plan(narrow, params, context), 0
        for part in range(1, params.rounds + 1):
            before, narrow = narrow, plan.cut(narrow, part / params.rounds)
            until = params.epochs * part // params.rounds
            if until > tuned and (narrow is not before or part == params.rounds):
                _tune(narrow, params.model_copy(update={"epochs": until - tuned}), context)
                tuned = until
        return narrow


class _Plan:
    """How far a model is cut, over all parts of the way.

    Args:
        model: The flat model before any cut.
        params: The pass's parameters.
        context: Gives examples, and takes what the cuts saved.
    """

    def __init__(self, model: keras.Model, params: Channels, context: Context) -> None:
        from trimtab.compress.graph.selection import groups
        from trimtab.compress.graph.served import Served
        from trimtab.compress.graph.trace import trace
        from trimtab.models import cost

        self._first, self._params, self._context = model, params, context
        self._whole = {makers: len(members) for makers, members in groups(trace(model)).items()}
        self._costs = {"macs": cost.macs(model), "parameters": cost.parameters(model)}
        target, scales = params.target, context.scales
        self._served = Served(model, target, scales) if target and scales and target.is_measured else None

    def cut(self, model: keras.Model, way: float) -> keras.Model:
        """Returns a narrower model; the same one where it is as narrow already.

        Args:
            model: What the part before has left.
            way: Share of the way to the end, of at most 1.

        Raises:
            CompressionError: If it cannot become narrower, or not as far as asked.
        """
        from trimtab.compress.graph.criteria import importance
        from trimtab.compress.graph.cut import cut
        from trimtab.compress.graph.selection import check_shrinkage, left_whole, nothing_to_cut
        from trimtab.compress.graph.trace import trace

        dependencies = trace(model)
        scores = importance(self._params.criterion, model, dependencies, self._context)
        keep = self._kept(model, dependencies, scores, way)
        if keep.all():
            if way == 1 and model is self._first:
                if self._params.target is not None:
                    raise CompressionError("it meets the target as it is", field=model.name)
                raise nothing_to_cut(model, dependencies)
            return model
        if model is self._first:
            for line in left_whole(dependencies):
                self._context.say(line)
        pruned = cut(model, dependencies, keep)
        self._context.say(check_shrinkage(model, pruned, dependencies, keep))
        return pruned

    def _kept(
        self, model: keras.Model, dependencies: Dependencies, scores: np.ndarray, way: float
    ) -> np.ndarray:
        from trimtab.compress.graph.cut import cut
        from trimtab.compress.graph.selection import choose
        from trimtab.compress.graph.target import Costs, choose_within
        from trimtab.compress.graph.timed import choose_timed

        target, served = self._params.target, self._served
        if target is None or (served is None and target.is_measured):
            return choose(model, dependencies, way * self._params.ratio, scores, self._whole)
        most = self._most(target.shares, way)
        if served is None:
            return choose_within(model, dependencies, most, scores)
        costs = Costs(
            model, dependencies, {_BYTES: lambda keep: served.gzip_bytes(cut(model, dependencies, keep))}
        )
        if target.bytes_ratio is not None:
            most[_BYTES] = served.most_bytes(way)
        if not target.is_timed:
            return choose_within(model, dependencies, most, scores, costs)

        def times(keeps: Sequence[np.ndarray]) -> tuple[float, list[float]]:
            return served.milliseconds([cut(model, dependencies, keep) for keep in keeps])

        def fits(keep: np.ndarray, before: float, after: float) -> bool:
            return after <= served.most_milliseconds(before, way) and all(
                costs.of(keep, unit) <= limit for unit, limit in most.items()
            )

        return choose_timed(dependencies, scores, times, fits)

    def _most(self, shares: Mapping[str, float], way: float) -> dict[str, float]:
        return {unit: self._costs[unit] * (1 - way * (1 - share)) for unit, share in shares.items()}


def _tune(model: keras.Model, params: Channels, context: Context) -> None:
    import keras

    from trimtab.compress.masks import keep_zeros

    context.fine_tune(model, params, callbacks=keep_zeros(model, keras.callbacks))


PASS = ChannelPruning()
