"""Low rank: a layer's kernel becomes two or three thin ones, where what passes through has few directions.

The ranks are those of what the layers give on training examples (Zhang et al., "Accelerating Very Deep
Convolutional Networks for Classification and Detection", 2016), and of what they are given (Tucker-2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.compress.targets import Form, Shares
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import MAIN, among, between
from trimtab.errors import CompressionError, ModelError, WeightsError

if TYPE_CHECKING:
    import keras

    from trimtab.compress.rank.split import Layer, Split

EXAMPLES = 256
_HALVINGS = 12

NOISE = 0.03
"""Share of the model's latency by which parts may be slower: less than that, a busy machine measures."""


class LowRank(FineTuning, Form):
    """How much of what passes through a layer its ranks carry, and how the parts are fine-tuned."""

    energy: float = Field(
        0.85,
        gt=0,
        lt=1,
        description="Share of the energy, on training examples, that the ranks of every layer carry.",
        json_schema_extra=MAIN | between(0.7, 0.99),
    )
    target: Shares | None = Field(
        None,
        description="In the place of `energy`: how small the whole model becomes, such as `{macs: 0.5}`. "
        "Every layer leaves out as much energy as that takes.",
        json_schema_extra=among(None, {"macs": 0.75}, {"macs": 0.5}, {"parameters": 0.5}),
    )
    epochs: int = Field(
        5,
        ge=1,
        description="Epochs of fine-tuning after the split.",
        json_schema_extra=among(2, 5, 10, 20),
    )


class LowRankSplit(Pass[LowRank]):
    """Kernels of dense layers, convolutions and embeddings as products of thin ones.

    A layer that would keep more than three quarters of its multiply-accumulates (an embedding: of its
    parameters) stays whole: two operators take longer than one. So does one whose parts are slower as
    measured, where the model is; if it still is, the pass is refused.
    """

    params = LowRank
    needs = frozenset({"data", "gradients", "labels"})
    keeps = frozenset({"widths"})
    source = "https://arxiv.org/abs/1505.06798"

    def __call__(self, model: keras.Model, params: LowRank, context: Context) -> keras.Model:
        """Returns a model of thinner layers; see ``Pass``."""
        from trimtab.compress.rank.moments import moments
        from trimtab.compress.rank.split import Layer
        from trimtab.models import cost
        from trimtab.models.functional import as_functional

        try:
            flat = as_functional(model, model.name)
        except ModelError as error:
            raise CompressionError(error.message, field=error.field, hint=error.hint) from error
        layers = {
            name: Layer(flat.get_layer(name), found)
            for name, found in moments(flat, context.calibration(EXAMPLES)).items()
        }
        if not layers:
            raise CompressionError("it has no dense layer, convolution or embedding", field=model.name)
        splits = _splits(flat, layers, params)
        splits, thin = _as_fast(flat, splits, params, context)
        context.say(
            f"{len(splits)} of {len(layers)} layers in parts: {cost.macs(flat):,} to {cost.macs(thin):,} "
            f"multiply-accumulates, {cost.parameters(flat):,} to {cost.parameters(thin):,} parameters"
        )
        context.fine_tune(thin, params)
        return thin


def _splits(model: keras.Model, layers: Mapping[str, Layer], params: LowRank) -> dict[str, Split]:
    """Returns the parts of the layers that are split.

    Raises:
        WeightsError: If none is, or if the model cannot become as small as asked.
    """
    lost = 1 - params.energy if params.target is None else _lost(model, layers, params.target)
    splits = {name: split for name, layer in layers.items() if (split := layer.split(lost)) is not None}
    if not splits:
        raise WeightsError(
            f"no layer is smaller in parts that carry {1 - lost:.0%} of the energy",
            field=model.name,
            hint="Ask for less energy.",
        )
    return splits


def _as_fast(
    model: keras.Model, splits: dict[str, Split], params: LowRank, context: Context
) -> tuple[dict[str, Split], keras.Model]:
    """Returns the parts of the layers that are split, and their model, if it is not slower as measured.

    Where it is, each layer is measured in parts alone, and those that are slower stay whole; if a target asks
    for all of them, none can.

    Raises:
        WeightsError: If the model is slower.
    """
    from trimtab.compress.rank.rebuild import rebuild

    def slower(made: Sequence[keras.Model]) -> list[float]:
        if context.scales is None:
            return [1.0] * len(made)
        whole, *parts = context.scales.milliseconds([model, *made], params.runtime, params.quantization)
        return [one / whole for one in parts]

    thin = rebuild(model, splits)
    (found,) = slower([thin])
    if found > 1 + NOISE and params.target is None and len(splits) > 1:
        alone = slower([rebuild(model, {name: split}) for name, split in splits.items()])
        splits = {name: split for (name, split), one in zip(splits.items(), alone, strict=True) if one <= 1}
        if splits:
            thin = rebuild(model, splits)
            (found,) = slower([thin])
    if found > 1 + NOISE or not splits:
        raise WeightsError(
            f"in parts it takes {found:.2f} times as long as whole, measured in turns on {params.runtime} "
            f"({params.quantization})",
            field=model.name,
            hint="Leave low_rank out, or ask for less energy.",
        )
    return splits, thin


def _lost(model: keras.Model, layers: Mapping[str, Layer], target: Shares) -> float:
    """Returns the least share of the energy that, left out everywhere, makes the model as small as asked."""
    from trimtab.compress.rank.rebuild import rebuild
    from trimtab.models import cost

    measures = {"macs": cost.macs, "parameters": cost.parameters}
    most = {unit: share * measures[unit](model) for unit, share in target.shares.items()}

    def fits(lost: float) -> bool:
        splits = {name: split for name, layer in layers.items() if (split := layer.split(lost)) is not None}
        thin = rebuild(model, splits)
        return all(measures[unit](thin) <= limit for unit, limit in most.items())

    if not fits(1.0):
        asked = ", ".join(f"{limit:,.0f} {unit}" for unit, limit in most.items())
        raise WeightsError(
            f"expected at most {asked}: no ranks are so few", field=model.name, hint="Ask for a larger share."
        )
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


PASS = LowRankSplit()
