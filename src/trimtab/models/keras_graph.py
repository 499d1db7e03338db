"""What Keras does not publish of a functional model, and we use all the same: its graph, and how it is built.

Nothing else in trimtab may reach into Keras; ``tests/models/test_keras_graph.py`` says what each part must
do, so that another version of Keras is tried by one test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras.src.models.functional import Functional

__all__ = [
    "Functional",
    "arguments",
    "build_variables",
    "calls",
    "innermost_layers",
    "output_operations",
    "place_of",
    "run_through",
]


def calls(model: keras.Model) -> list[Any]:
    """Returns every call of an operation in a functional or sequential model, those it depends on before it.

    A call has ``operation``, ``input_tensors``, ``outputs``, and ``is_input``.
    """
    graph = keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model
    by_depth = graph._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def arguments(call: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Returns what an operation was called with, by place and by name, tensors and all else.

    Args:
        call: One of ``calls``.
    """
    return call.arguments.args, call.arguments.kwargs


def run_through(model: keras.Model, inputs: Any, operation_of: Callable[[Any], Callable[..., Any]]) -> Any:
    """Returns what a functional or sequential model gives when other operations stand in for its own.

    Args:
        model: The model.
        inputs: In the structure of its own inputs, or by their names; of any library whose tensors the
            stand-ins take.
        operation_of: Returns what is called in an operation's place.
    """
    if isinstance(inputs, Mapping):
        inputs = [inputs[tensor.name] for tensor in model.inputs]
    # A sequential model has its graph inside.
    graph = model if hasattr(model, "_run_through_graph") else model._functional
    return graph._run_through_graph(inputs, operation_fn=operation_of)


def output_operations(model: keras.Model) -> list[Any]:
    """Returns the operations that give the outputs of a functional model."""
    return [tensor._keras_history.operation for tensor in model.outputs]


def innermost_layers(model: keras.Model) -> list[Any]:
    """Returns a model or a layer, its layers, and those inside them, however deep."""
    return list(model._flatten_layers())


def build_variables(model: keras.Model, batch: Any) -> None:
    """Creates the variables of a compiled model's optimizer and metrics, which a first step would create.

    Args:
        model: A compiled model.
        batch: What it would be trained on, as tensors or their specifications.
    """
    model._symbolic_build(data_batch=batch)


def inner_layers(layer: Any) -> list[Any]:
    """Returns the layers that a layer is made of, each once."""
    return list(layer._flatten_layers(include_self=False, recursive=False))


def own_variables(layer: Any) -> list[Any]:
    """Returns the weights of a layer that are of none of those inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def rename(layer: Any, name: str) -> None:
    """Gives a layer another name, which is in its config and in what is made of that."""
    layer.name = name


def place_of(optimizer: Any, variable: Any) -> int:
    """Returns which of the trainable variables, that an optimizer was built with, one of them is.

    Args:
        optimizer: A built optimizer of Keras 3.
        variable: As ``update_step`` gets it.
    """
    return int(optimizer._get_variable_index(variable))
