"""Layers that are made of other layers, replaced by these, so that passes find each of them.

A library of models such as KerasHub writes a transformer's block as one layer. Each pass looks at single
layers of Keras, and would leave the whole model as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from trimtab.models.functional import copy
from trimtab.models.keras_graph import inner_layers, own_variables, rename, run_through

_TOLERANCE = 1e-4
_EXAMPLES = 2
_ROUNDS = 8


def opened(model: keras.Model, library: str) -> keras.Model:
    """Returns a model with the same answers and weights, in which a library's layers are what is inside them.

    A layer with weights of its own stays, and so does one that cannot be followed: it is then one layer to
    passes, and what it holds is converted with it.

    Args:
        model: A flat functional model, whose inputs have a known shape. Its layers are used up.
        library: The package whose layers are opened.
    """
    closed: set[str] = set()
    for _ in range(_ROUNDS):
        found = {type(layer).__name__ for layer in model.layers if _opens(layer, library)} - closed
        if not found:
            return model
        for name in sorted(found):
            inside = _without(model, library, name)
            if inside is None:
                closed.add(name)
            else:
                model = inside
    return model


def _opens(layer: Any, library: str) -> bool:
    own = type(layer).__module__.partition(".")[0] == library
    return own and bool(inner_layers(layer)) and not own_variables(layer)


def _without(model: keras.Model, library: str, name: str) -> keras.Model | None:
    """Returns the model without layers of a class; None if it would not be the same."""
    renamed: dict[str, None] = {}

    def stand_in(layer: Any) -> Callable[..., Any]:
        if type(layer).__name__ != name or not _opens(layer, library):
            return layer  # type: ignore[no-any-return]
        if layer.name not in renamed:
            renamed[layer.name] = None
            for inside in inner_layers(layer):
                rename(inside, f"{layer.name}_{inside.name}")
        return layer.call  # type: ignore[no-any-return]

    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in model.inputs]
    given = inputs[0] if len(inputs) == 1 else inputs
    try:
        after = keras.Model(given, run_through(model, given, stand_in), name=model.name)
        after = keras.Model(given, run_through(after, given, _of_any_batch), name=model.name)
        copy(after)  # what cannot be made again by its config could not be loaded
        return after if _same(model, after) else None
    except Exception:  # of a layer that computes with what is not known before it runs
        return None


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
