"""What a model is made of: parameters, multiply-accumulates, zeros, and a checksum of its weights."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

import keras
import numpy as np
from keras import layers

from trimtab.models.keras_graph import calls, innermost_layers

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel")
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
_CONVOLUTIONAL = (layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)
_RECURRENT = (layers.SimpleRNN, layers.LSTM, layers.GRU, *_CONVOLUTIONAL)
_ATTENTIONS = (layers.MultiHeadAttention, layers.GroupQueryAttention)


def parameters(model: keras.Model) -> int:
    """Returns the number of weights, trainable or not."""
    return int(model.count_params())


def macs(model: keras.Model) -> int:
    """Returns the multiply-accumulates that one example takes.

    Every element of a kernel is used once at every position: at every output position of a convolution
    (``height_out * width_out * kernel elements``, which covers grouped, depthwise and both halves of
    separable ones), at every input position of a transposed one, at every leading position of a Dense layer
    and of the projections of an attention, and at every step of a recurrent layer. Biases, normalization,
    pooling, activations and products without a kernel are not counted, nor are layers of other kinds. A
    layer that is called twice counts twice; nested models are counted.

    Args:
        model: A functional or sequential model whose shapes, the batch apart, are static.
    """
    return sum(
        macs(node.operation)
        if isinstance(node.operation, keras.Model)
        else sum(times * math.prod(kernel.shape) for kernel, times in uses(node))
        for node in calls(model)
    )


def operations(model: keras.Model) -> int:
    """Returns how many calls of layers and operations a model is, those of nested models among them."""
    return sum(
        operations(node.operation) if isinstance(node.operation, keras.Model) else 1 for node in calls(model)
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


def uses(node: Any) -> list[tuple[Any, int]]:
    """Returns the kernels of a call, each with how often every element of it multiplies: ``(kernel, times)``.

    None of a layer of a kind that is not known.

    Args:
        node: The call, as ``keras_graph.calls`` gives it.
    """
    layer = node.operation
    if isinstance(layer, layers.Bidirectional):
        return _recurrent_uses(layer.forward_layer, node) + _recurrent_uses(layer.backward_layer, node)
    if isinstance(layer, _RECURRENT):
        return _recurrent_uses(layer, node)
    if isinstance(layer, _ATTENTIONS):
        return _attention_uses(layer, node)
    if isinstance(layer, layers.TimeDistributed):
        layer = layer.layer
    if not isinstance(layer, (*_CONVOLUTIONS, *_TRANSPOSED, layers.Dense, layers.EinsumDense)):
        return []
    return [(weight, _positions(layer, node)) for weight in layer.weights if weight.name in KERNELS]


def _positions(layer: Any, node: Any) -> int:
    if isinstance(layer, layers.EinsumDense):
        return _einsum_positions(layer, node)
    if isinstance(layer, layers.Dense):
        return math.prod(node.outputs[0].shape[1:-1])
    shape = node.input_tensors[0].shape if isinstance(layer, _TRANSPOSED) else node.outputs[0].shape
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return math.prod((shape[2:] if first else shape[1:-1]) if len(shape) > 2 else ())


def _einsum_positions(layer: Any, node: Any) -> int:
    """Returns how many products of the output there are for each element of the kernel along the output."""
    _, kernel, output = re.split(",|->", layer.equation)
    own = [size for letter, size in zip(kernel, layer.kernel.shape, strict=True) if letter in output]
    found: int = math.prod(_sizes(node.outputs[0])) // math.prod(own)
    return found


def _recurrent_uses(layer: Any, node: Any) -> list[tuple[Any, int]]:
    if not isinstance(layer, _RECURRENT):
        return []
    cell, (steps, *others) = layer.cell, _sizes(node.input_tensors[0])
    if not isinstance(layer, _CONVOLUTIONAL):
        return [(cell.kernel, steps), (cell.recurrent_kernel, steps)]
    shape = _sizes(node.outputs[0])
    places = steps * math.prod(shape[-len(others) : -1])
    return [(cell.kernel, places), (cell.recurrent_kernel, places)]


def _attention_uses(layer: Any, node: Any) -> list[tuple[Any, int]]:
    """Returns those of the projections; the products of queries and keys have no kernel."""
    asked, answered = (math.prod(_sizes(tensor)[:-1]) for tensor in node.input_tensors[:2])
    times = {"query": asked, "gate": asked, "attention_output": asked, "key": answered, "value": answered}
    return [
        (inner.kernel, times[inner.name])
        for inner in innermost_layers(layer)
        if inner is not layer and inner.name in times
    ]


def _sizes(tensor: Any) -> list[int]:
    """Returns the shape of a tensor without its batch; an open size counts once."""
    return [size or 1 for size in tensor.shape[1:]]
