"""Layers that compute as 8 bits would: kernels and outputs are rounded, gradients pass as if not.

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018; the gradient is the straight-through one (Bengio, Léonard and Courville, 2013).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel", "embeddings")
_LAST = (
    layers.Dense,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
_DEPTHWISE = "depthwise_kernel"
_DEPTHWISE_LAYERS = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)


def kernels(layer: Any) -> list[Any]:
    """Returns the weights of a layer that a runtime keeps in 8 bits."""
    return [weight for weight in layer.trainable_weights if weight.name in KERNELS]


def channel_axes(layer: Any, kernel: Any) -> tuple[int, ...]:
    """Returns the axes of a kernel's output channels, each of which has a range of its own.

    A batch normalization that is folded in scales channels as a whole, and so changes no rounding. Of layers
    that runtimes keep with one range, as recurrent ones, there are none.
    """
    if kernel.name == _DEPTHWISE or isinstance(layer, _DEPTHWISE_LAYERS):
        return (-2, -1)
    if isinstance(layer, _TRANSPOSED):
        return (-2,)
    return (-1,) if isinstance(layer, _LAST) else ()


def rounded_kernel(kernel: Any, channels: tuple[int, ...]) -> Any:
    """Returns a kernel of 255 steps about zero in each channel; zeros stay zeros.

    Args:
        kernel: Of any shape.
        channels: Its axes of channels, counted from the end.
    """
    value = ops.convert_to_tensor(kernel)
    rank = len(value.shape)
    others = [axis for axis in range(rank) if axis - rank not in channels]
    scale = ops.max(ops.abs(value), axis=others, keepdims=True) / 127
    steps = ops.round(value / ops.where(scale > 0, scale, 1.0))
    return value + ops.stop_gradient(steps * scale - value)


def rounded_output(values: Any) -> Any:
    """Returns values in 256 steps between the smallest and the largest of a batch, zero among them.

    What is infinite, as the margin that a largest value is looked for in, is rounded to the end of the range.
    """
    finite = ops.where(ops.isfinite(values), values, 0.0)
    low, high = ops.minimum(ops.min(finite), 0.0), ops.maximum(ops.max(finite), 0.0)
    values = ops.clip(values, low, high)
    scale = (high - low) / 255
    safe = ops.where(scale > 0, scale, 1.0)
    zero = ops.round(-low / safe)
    steps = ops.clip(ops.round(values / safe) + zero, 0, 255) - zero
    return values + ops.stop_gradient(steps * scale - values)


class RoundedKernels(keras.Layer):  # type: ignore[misc]  # untyped
    """Another layer, computed with rounded kernels, whatever it computes: it reads them where it always does.

    Args:
        layer: A built layer with kernels.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__(name=f"{layer.name}_rounded", dtype=layer.dtype_policy)
        self.supports_masking = True
        self.layer = layer
        self.built = True

    def call(self, *inputs: Any, **options: Any) -> Any:
        """See the layer."""
        rounded = [(k, rounded_kernel(k, channel_axes(self.layer, k))) for k in kernels(self.layer)]
        with keras.StatelessScope(state_mapping=rounded) as scope:
            outputs = self.layer(*inputs, **options)
        for state in self.layer.non_trainable_variables:
            if (value := scope.get_current_value(state)) is not None:
                state.assign(value)
        return outputs

    def get_config(self) -> dict[str, Any]:
        """Returns what a checkpoint knows the model by."""
        return {"layer": keras.saving.serialize_keras_object(self.layer)}

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """See the layer."""
        return self.layer.compute_output_spec(*inputs, **options)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """See the layer."""
        return self.layer.compute_mask(inputs, previous_mask)


class RoundedOutput(keras.Layer):  # type: ignore[misc]  # untyped
    """What passes, rounded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def call(self, values: Any) -> Any:
        """Returns the values, rounded."""
        return rounded_output(values)

    def compute_output_spec(self, values: Any) -> Any:
        """Returns the shape of what passes; Keras takes a product with a number for a sparse tensor."""
        return keras.KerasTensor(values.shape, values.dtype)
