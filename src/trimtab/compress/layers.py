"""Which layer of a Keras model each operator of its files computes, and how far the two are apart.

Files keep the names of layers at best as the beginning of longer ones, and OpenVINO's keep none. So an
operator is held against every layer whose output has as many values, and is the layer that it is closest to;
where its name tells which layers come into question, only against these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.inside import LayerInside, LayersInside
from trimtab.batch import Batch
from trimtab.errors import ModelError
from trimtab.models import keras_graph
from trimtab.models.tensors import input_names
from trimtab.runtimes.base import Operator, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

_UNLIKE = 1.0
"""An operator that is as far from a layer as zeros would be is not that layer."""

_JOINT = " + "
_Values = NDArray[np.float32]


def layers(
    model: keras.Model,
    serving: Runtime,
    directory: Path,
    batch: Batch,
    losses: Mapping[str, float] | None = None,
) -> LayersInside:
    """Returns the layers of a model's files.

    Args:
        model: The Keras model that they were made from.
        serving: Their runtime.
        directory: Where they are.
        batch: Model-ready examples, few.
        losses: See ``runtimes.base.Chosen``; None: there are none.
    """
    try:
        operators = serving.operators(directory, batch)
    except ModelError as error:
        return LayersInside(why_not=error.message)
    expected = _answers(model, batch)
    matched = list(_matched(operators, expected))
    layers_inside = [
        layer
        for layer in _joined(matched, list(expected), losses or {})
        if layer.size_bytes or layer.error is not None
    ]
    return LayersInside(layers=layers_inside, examples=len(next(iter(batch.values()))))


def _answers(model: keras.Model, batch: Batch) -> dict[str, _Values]:
    """Returns the output of each layer, ``(n, values)`` by name; of one that is called twice, the last."""
    answers: dict[str, Any] = {}

    def watched(operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if isinstance(operation, keras.Layer) and "training" in options:
                options["training"] = False
            answer = operation(*arguments, **options)
            if not isinstance(operation, keras.layers.Dropout):  # at inference it is nothing
                answers[operation.name] = answer
            return answer

        return call

    inputs = [batch[name] for name in input_names(model)]
    structure = inputs[0] if len(inputs) == 1 else keras.tree.pack_sequence_as(model.input, inputs)
    keras_graph.run_through(model, structure, watched)
    return {
        name: np.asarray(answer, np.float32)
        for name, answer in answers.items()
        if hasattr(answer, "shape") and len(answer.shape) > 1
    }


def _matched(
    operators: Sequence[Operator], expected: dict[str, _Values]
) -> Iterator[tuple[Operator, str, float]]:
    """Yields operators with the layer that each computes, and how far it is from it; "": none is known."""
    for operator in operators:
        named = [name for name in expected if _names(operator.name, name)]
        errors = {
            name: error
            for name in named or expected
            if operator.output is not None and (error := _error(expected[name], operator.output)) is not None
        }
        closest = min(errors, key=errors.__getitem__, default="")
        is_like = bool(closest) and errors[closest] < _UNLIKE
        yield operator, closest if is_like else "", errors.get(closest, np.nan)


def _names(text: str, layer: str) -> bool:
    """Returns whether one of an operator's names begins with a layer's, as converters number it.

    An operator that layers were fused into has the names of all, in no order: the output is the last one's.
    """
    return any(re.fullmatch(rf"{re.escape(layer)}(_\d+)*", part) for part in re.split("[;/]", text))


def _error(expected: _Values, output: _Values) -> float | None:
    """Returns how far an output is from a layer's, whichever axis has the channels; None: it is another's."""
    if len(expected) != len(output) or expected.size != output.size:
        return None
    scale = float(np.sqrt(np.mean(expected.astype(np.float64) ** 2)))
    apart = min(
        float(np.sqrt(np.mean((expected.reshape(len(expected), -1) - flat).astype(np.float64) ** 2)))
        for flat in _flattened(output)
    )
    return apart / scale if scale else apart


def _flattened(values: _Values) -> Iterator[_Values]:
    """Yields ``(n, values)`` with the axes as they are, and with the channels last."""
    yield values.reshape(len(values), -1)
    if values.ndim > 2:
        yield np.moveaxis(values, 1, -1).reshape(len(values), -1)


def _joined(
    matched: Sequence[tuple[Operator, str, float]], order: Sequence[str], losses: Mapping[str, float]
) -> Iterator[LayerInside]:
    """Yields each layer once, with the layers before it that none computes alone.

    An operator that is no layer, as one that moves data, goes with the next that is.
    """
    alone = {name for _, name, _ in matched}
    waiting: list[Operator] = []
    parts: dict[str, list[Operator]] = {}
    errors: dict[str, float] = {}
    for operator, name, error in matched:
        waiting.append(operator)
        if name:
            parts.setdefault(name, []).extend(waiting)
            errors[name], waiting = error, []
    for name, operators in parts.items():
        yield _layer(_JOINT.join(_with_fused(name, order, alone)), operators, errors[name], losses)
    for operator in waiting:
        yield _layer(_short(operator.name), [operator], np.nan, losses)


def _layer(
    name: str, operators: Sequence[Operator], error: float, losses: Mapping[str, float]
) -> LayerInside:
    return LayerInside(
        name=name,
        kind=_JOINT.join(dict.fromkeys(operator.kind for operator in operators)),
        size_bytes=sum(operator.size_bytes for operator in operators),
        error=float(error) if np.isfinite(error) else None,
        loss=max((losses[one.name] for one in operators if one.name in losses), default=None),
    )


def _with_fused(name: str, order: Sequence[str], alone: set[str]) -> list[str]:
    place = order.index(name)
    first = place
    while first > 0 and order[first - 1] not in alone:
        first -= 1
    return list(order[first : place + 1])


def _short(name: str) -> str:
    return name.partition(";")[0]
