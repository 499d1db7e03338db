"""Layers that are made of other layers, replaced by these, so that passes find each of them.

A library of models such as KerasHub writes a transformer's block as one layer, and so do people, as a layer
or as a subclassed model. Each pass looks at single layers of Keras, and would leave the model as it is.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trimtab import progress
from trimtab.models.functional import copy
from trimtab.models.keras_graph import calls, inner_layers, own_variables, rename, run_through

_TOLERANCE = 1e-4
_EXAMPLES = 2
_ROUNDS = 8
_KERAS = "keras"
_LONGEST_REASON = 160
_CANNOT_BE_FOLLOWED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    tf.errors.OpError,
)
"""What a layer raises that computes with what is not known before it runs, or that its config cannot make."""


def opened(model: keras.Model, library: str | None = None) -> keras.Model:
    """Returns a model with the same answers and weights, in which others' layers are what is inside them.

    A layer with weights of its own stays, and so does one that cannot be followed, or whose Python code
    branches on whether it is trained: it is one layer to passes then, and is converted as it is.

    Args:
        model: A functional model, whose inputs have a known shape. Its layers are used up.
        library: The package whose layers are opened; None: all that are not Keras' own.
    """
    closed: set[str] = set()
    for _ in range(_ROUNDS):
        found = {type(layer).__name__ for layer in model.layers if _opens(layer, library)} - closed
        if not found:
            return model
        for name in sorted(found):
            try:
                model = _without(model, library, name)
            except _CANNOT_BE_FOLLOWED as error:
                closed.add(name)
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:_LONGEST_REASON]
                progress.say("model", f"{name} stays one layer to all methods, it cannot be opened: {reason}")
    return model


def _opens(layer: Any, library: str | None) -> bool:
    package = type(layer).__module__.partition(".")[0]
    is_meant = package != _KERAS if library is None else package == library
    return is_meant and bool(inner_layers(layer)) and not own_variables(layer)


def _without(model: keras.Model, library: str | None, name: str) -> keras.Model:
    """Returns the model without layers of a class.

    Raises:
        ValueError: If it would not be the same; what else such a layer raises is ``_CANNOT_BE_FOLLOWED``.
    """
    closed = [layer for layer in model.layers if type(layer).__name__ == name and _opens(layer, library)]
    for layer in closed:
        for inside in inner_layers(layer):
            rename(inside, f"{layer.name}_{inside.name}")
    after = _through(model, closed)
    if any(map(_asks_for_training, closed)) and not _same_in_training(model, closed):
        raise ValueError("its Python code branches on whether it is trained")
    whole = after.inputs[0] if len(after.inputs) == 1 else after.inputs
    after = keras.Model(whole, run_through(after, whole, _of_any_batch), name=model.name)
    copy(after)  # what cannot be made again by its config could not be loaded
    if not _same(model, after):
        raise ValueError("opened, it answers otherwise")
    return after


def _through(model: keras.Model, closed: Sequence[Any], **training: bool) -> keras.Model:
    """Returns the model in which some layers' own methods were called in their place."""

    def stand_in(layer: Any) -> Callable[..., Any]:
        if not any(layer is each for each in closed):
            return layer  # type: ignore[no-any-return]
        forced = training if _asks_for_training(layer) else {}
        return lambda *given, **named: layer.call(*given, **named | forced)

    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in model.inputs]
    given = inputs[0] if len(inputs) == 1 else inputs
    return keras.Model(given, run_through(model, given, stand_in), name=model.name)


def _asks_for_training(layer: Any) -> bool:
    return "training" in inspect.signature(layer.call).parameters


def _same_in_training(model: keras.Model, closed: Sequence[Any]) -> bool:
    """Returns whether layers call the same operations when they are trained: no Python branches on it."""
    ways = [_through(model, closed, training=training) for training in (False, True)]
    taken, other = ([type(call.operation) for call in calls(way)] for way in ways)
    return taken == other


def _of_any_batch(operation: Any) -> Callable[..., Any]:
    """Returns what reshapes examples however many they are: a layer asks for their number, which is open."""
    wanted = list(getattr(operation, "newshape", None) or ())
    if wanted[:1] != [None]:
        return operation  # type: ignore[no-any-return]

    def reshape(x: Any) -> Any:
        numbers = math.prod(x.shape[1:]) // math.prod(size for size in wanted[1:] if size != -1)
        return keras.ops.reshape(x, [-1, *(numbers if size == -1 else size for size in wanted[1:])])

    return reshape


def _same(model: keras.Model, other: keras.Model) -> bool:
    generator = np.random.default_rng(0)
    examples = [generator.integers(0, 2, (_EXAMPLES, *t.shape[1:])).astype(t.dtype) for t in model.inputs]
    given = examples[0] if len(examples) == 1 else examples
    before, after = (keras.tree.flatten(each(given)) for each in (model, other))
    pairs = zip(before, after, strict=True)
    return all(np.allclose(np.asarray(one), np.asarray(two), atol=_TOLERANCE) for one, two in pairs)
