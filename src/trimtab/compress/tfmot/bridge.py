"""The bridge between Keras 3, which users write, and tf_keras, which TFMOT works on.

``build_twin`` rebuilds a Keras 3 model layer by layer as its tf_keras twin, copies the weights and checks on
a probe that the outputs are equal. Only arrays cross the bridge: nothing is saved or loaded by tf_keras,
whose loader runs code from archives. What tf_keras does not know is in a twin as it is: see ``untouched``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np

from trimtab.batch import side_by_side
from trimtab.compress.tfmot import untouched
from trimtab.compress.tfmot.layers import has_twin, refused, twin_layer, twin_name
from trimtab.errors import CompressionError, ModelError
from trimtab.models.autograph import without_autograph
from trimtab.models.functional import as_functional
from trimtab.models.keras_graph import run_through

TOLERANCE = 1e-5


def flat(model: keras.Model) -> keras.Model:
    """Returns a model without nested ones, sharing the layers of a model that is flat already.

    Args:
        model: A Keras 3 model.

    Raises:
        CompressionError: If the model has no graph of layers, or cannot be flattened.
    """
    try:
        return as_functional(model, model.name)
    except ModelError as error:
        raise CompressionError(error.message, field=error.field, hint=error.hint) from error


@without_autograph
def build_twin(model: keras.Model, probe: Any) -> Any:
    """Returns the tf_keras twin of a flat Keras 3 model: the same layers, by ``twin_name``, and weights.

    Args:
        model: What ``flat`` returned.
        probe: Model-ready examples to compare outputs on, as ``batch.fed`` gives them.

    Raises:
        CompressionError: If TFMOT would not keep a setting, or if the twin computes something else.
    """
    import tf_keras

    # Random layers then have a state that can be set and saved: a training can be resumed exactly.
    tf_keras.backend.experimental.enable_tf_random_generator()
    twins, left = dict[int, Any](), dict[str, Any]()

    def twin_of(operation: Any) -> Any:
        if not has_twin(operation):
            return partial(untouched.call, operation, twin_name(operation.name), left)
        # A layer that is called twice has one twin, called twice.
        if id(operation) not in twins:
            twins[id(operation)] = twin_layer(operation)
        return twins[id(operation)]

    alone = len(model.inputs) == 1
    inputs = [
        # Of several, examples come by name.
        tf_keras.Input(tuple(t.shape[1:]), dtype=t.dtype, name=twin_name(t.name) if alone else t.name)
        for t in model.inputs
    ]
    outputs = keras.tree.flatten(run_through(model, inputs, twin_of))
    twin = tf_keras.Model(
        inputs[0] if alone else inputs,
        outputs[0] if len(outputs) == 1 else outputs,
        name=twin_name(model.name),
    )
    for layer in model.layers:
        if id(layer) in twins:
            _copy_weights(layer, twins[id(layer)])
    _verify(model, twin, probe)
    return twin


def _copy_weights(layer: Any, twin: Any) -> None:
    names = [weight.name for weight in layer.weights]
    twin_names = [weight.name.rpartition("/")[2].partition(":")[0] for weight in twin.weights]
    shapes = [tuple(weight.shape) for weight in layer.weights]
    # Keras 3 calls a depthwise kernel "kernel"; everything else must agree by name, and so by meaning: gamma,
    # beta, mean and variance of a batch normalization all have one shape.
    agree = [a == b or b == f"depthwise_{a}" for a, b in zip(names, twin_names, strict=False)]
    if len(names) != len(twin_names) or not all(agree) or shapes != [tuple(w.shape) for w in twin.weights]:
        raise refused(layer, f"has weights {names}, and its twin has {twin_names}")
    twin.set_weights(layer.get_weights())


def _verify(model: keras.Model, twin: Any, probe: Any) -> None:
    expected = side_by_side(model(probe, training=False)).astype(np.float32)
    outputs = side_by_side(twin(probe, training=False))
    if not np.allclose(outputs, expected, rtol=TOLERANCE, atol=TOLERANCE):
        difference = float(np.max(np.abs(outputs - expected)))
        raise CompressionError(
            f"the tf_keras twin of this model computes something else: outputs differ by {difference:.2g}",
            field=model.name,
        )
