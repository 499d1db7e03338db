"""Looks into files that were just made; that it cannot is no fault of the files'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab import progress
from trimtab.artifacts.evaluation import Cost
from trimtab.artifacts.inside import GraphSize, LayerInside, LayersInside
from trimtab.batch import Batch
from trimtab.runtimes.base import Runtime

if TYPE_CHECKING:
    import keras

_EXAMPLES, _FEW_EXAMPLES = 8, 2
_LARGE_MACS = 100_000_000
_NO_KERAS = "the model came as a file: there is no Keras model to compare it with"


def layers(
    label: str,
    model: keras.Model | None,
    serving: Runtime,
    directory: Path,
    cost: Cost,
    calibration: Callable[[int], Batch],
    losses: Mapping[str, float] | None = None,
) -> LayersInside:
    """Returns the layers of files, or why they cannot be told.

    Args:
        label: The stage and the candidate, for the log.
        model: The Keras model that they were made from; None: there is none.
        serving: Their runtime.
        directory: Where they are.
        cost: Of the model: a large one is looked at with fewer examples.
        calibration: Returns that many training examples, model-ready.
        losses: See ``runtimes.base.Chosen``; None: there are none.
    """
    batch = calibration(_FEW_EXAMPLES if cost.macs > _LARGE_MACS else _EXAMPLES)
    try:
        return (
            _constants(serving, directory, batch)
            if model is None
            else _layers(model, serving, directory, batch, losses or {})
        )
    # Whatever it is, the files are good: they are judged by what they answer.
    except Exception as error:
        first, *_ = f"{type(error).__name__}: {error}".splitlines()
        why = f"{serving.name} cannot show what is inside: {first}"
        progress.say(label, why)
        return LayersInside(why_not=why)


def graph(label: str, model: keras.Model | None, serving: Runtime, directory: Path) -> GraphSize | None:
    """Returns how many operators files are, None where that cannot be told; arguments as for ``layers``."""
    try:
        traits = serving.traits(directory)
        size = GraphSize(
            operators=sum(traits.operators_before.values()), executed=sum(traits.operators.values())
        )
        return size if model is None else size.model_copy(update=_before(model))
    # Whatever it is, the files are good.
    except Exception as error:
        first, *_ = f"{type(error).__name__}: {error}".splitlines()
        progress.say(label, f"{serving.name} cannot count its operators: {first}")
        return None


def _before(model: keras.Model) -> dict[str, int]:
    from trimtab.models import cost  # it imports Keras

    return {"operations": cost.operations(model), "weights_bytes": 4 * cost.parameters(model)}


def _layers(
    model: keras.Model, serving: Runtime, directory: Path, batch: Batch, losses: Mapping[str, float]
) -> LayersInside:
    from trimtab.compress.layers import layers as of_files  # it imports Keras

    return of_files(model, serving, directory, batch, losses)


def _constants(serving: Runtime, directory: Path, batch: Batch) -> LayersInside:
    """Returns the operators that have constants."""
    return LayersInside(
        layers=[
            LayerInside(
                name=operator.name.partition(";")[0],
                kind=operator.kind,
                size_bytes=operator.size_bytes,
                error=None,
            )
            for operator in serving.operators(directory, batch)
            if operator.size_bytes
        ],
        why_not=_NO_KERAS,
    )
