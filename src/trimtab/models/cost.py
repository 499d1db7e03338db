"""What a model is made of: parameters, multiply-accumulates, zeros, and a checksum of its weights."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import keras
import numpy as np
from keras import layers

from trimtab.models.keras_graph import calls

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
_CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)


def parameters(model: keras.Model) -> int:
    """Returns the number of weights, trainable or not."""
    return int(model.count_params())


def macs(model: keras.Model) -> int:
    """Returns the multiply-accumulates that one example takes.

    Every element of a kernel is used once at every position: at every output position of a convolution
    (``height_out * width_out * kernel elements``, which covers grouped, depthwise and both halves of
    separable ones), at every input position of a transposed one, and at every leading position of a Dense
    layer. Biases, batch normalization, pooling and activations are not counted, nor are layers of other
    kinds. A layer that is called twice counts twice; nested models are counted.

    Args:
        model: A functional or sequential model whose shapes, the batch apart, are static.
    """
    return sum(
        positions(node) * sum(math.prod(w.shape) for w in kernels(node.operation))
        if not isinstance(node.operation, keras.Model)
        else macs(node.operation)
        for node in calls(model)
    )


def sparsity(model: keras.Model) -> float:
    """Returns the share of zeros in the kernels of all layers, from 0 to 1; 0 when there are no kernels."""
    arrays = [np.asarray(w.numpy()) for w in model.weights if w.name in KERNELS]
    total = sum(array.size for array in arrays)
    return float(sum(array.size - np.count_nonzero(array) for array in arrays) / total) if total else 0.0


def weights_sha256(model: keras.Model) -> str:
    """Returns the SHA-256 over every weight's bytes in C order, in the order of ``model.weights``."""
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def kernels(layer: Any) -> list[Any]:
    """Returns the kernels of a layer that multiply and accumulate; none for a layer that is not known."""
    if not isinstance(layer, (*_CONVOLUTIONS, *_TRANSPOSED, layers.Dense)):
        return []
    return [weight for weight in layer.weights if weight.name in KERNELS]


def positions(node: Any) -> int:
    """Returns how often a call of a layer uses every element of its kernel.

    Args:
        node: The call, as ``keras_graph.calls`` gives it.
    """
    layer = node.operation
    if isinstance(layer, layers.Dense):
        return math.prod(node.outputs[0].shape[1:-1])
    shape = node.input_tensors[0].shape if isinstance(layer, _TRANSPOSED) else node.outputs[0].shape
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return math.prod((shape[2:] if first else shape[1:-1]) if len(shape) > 2 else ())
