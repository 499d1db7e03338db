"""8-bit weights and activations by quantization-aware training (TFMOT): the model learns to bear rounding.

What TFMOT accepts is quantized, the rest of the model stays in float: Dense, Conv2D, DepthwiseConv2D,
SeparableConv2D and Conv2DTranspose with an activation that LiteRT can fuse; batch normalization right after
one of them, folded into it; ReLU, Add, Concatenate, pooling and reshaping. Zeros of a pruned model are kept
("PQAT"); plain quantization-aware training would fill most of them.

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018; https://www.tensorflow.org/model_optimization/guide/quantization/training
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from trimtab.compress.base import Context
from trimtab.compress.tfmot.bridge import build_twin, flat
from trimtab.compress.tfmot.layers import OTHER_RECIPES
from trimtab.compress.tfmot.ranges import start_ranges
from trimtab.compress.tfmot.training import train_twin
from trimtab.compress.tfmot.unpublished import output_config
from trimtab.config.recipes import QatInt8
from trimtab.errors import CompressionError
from trimtab.models.cost import sparsity
from trimtab.quiet import quiet
from trimtab.runtimes.litert.convert import convert
from trimtab.runtimes.litert.quantizations import check_int8

PROBE_EXAMPLES = 8
RANGE_EXAMPLES = 256
PRUNED = 0.2
HEAVY = ("Conv2D", "Conv2DTranspose", "Dense", "DepthwiseConv2D", "SeparableConv2D")
FUSED = ("gelu", "linear", "relu", "sigmoid", "softmax", "swish", "tanh")
ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax", "swish", "tanh")
FOLDED = ("Conv2D", "Dense", "DepthwiseConv2D", "SeparableConv2D")


def qat_int8(model: keras.Model, params: QatInt8, context: Context) -> bytes:
    """Returns a flatbuffer that computes in 8-bit integers, with weights trained for it.

    Args:
        model: A functional or sequential Keras 3 model, which keeps its weights.
        params: How long to train.
        context: Gives the training batches.

    Raises:
        CompressionError: If the model holds a layer that the bridge does not know, or none that TFMOT can
        quantize,
            or if LiteRT cannot take the result.
    """
    source = flat(model)
    twin = build_twin(source, context.calibration(PROBE_EXAMPLES))
    quantized = _quantized(twin, preserve_zeros=sparsity(source) > PRUNED)
    start_ranges(quantized, context.calibration(RANGE_EXAMPLES))
    train_twin(quantized, context, params.epochs, context.learning_rate * params.learning_rate_factor)

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return check_int8(convert(quantized, configure), model.name, OTHER_RECIPES)


def _quantized(twin: Any, *, preserve_zeros: bool) -> Any:
    """Returns the twin with fake quantization around every layer that TFMOT accepts."""
    import tf_keras
    from tensorflow_model_optimization.experimental.combine import Default8BitPrunePreserveQuantizeScheme
    from tensorflow_model_optimization.quantization import keras as quantization
    from tensorflow_model_optimization.quantization.keras.default_8bit import Default8BitQuantizeScheme

    scheme = Default8BitPrunePreserveQuantizeScheme() if preserve_zeros else Default8BitQuantizeScheme()
    registry = scheme.get_quantize_registry()
    accepted = {layer.name for layer in twin.layers if _accepts(registry, layer)}
    heavy = {layer.name for layer in twin.layers if type(layer).__name__ in HEAVY}
    if not accepted & heavy:
        kinds = sorted({type(layer).__name__ for layer in twin.layers if layer.weights})
        raise CompressionError(
            f"TFMOT can quantize none of the model's layers with weights: {', '.join(kinds) or 'no such'}",
            field=twin.name.removeprefix("twin_"),
            hint=OTHER_RECIPES,
        )

    def annotate(layer: Any) -> Any:
        if layer.name in accepted:
            return quantization.quantize_annotate_layer(layer)
        # TFMOT quantizes the output of whatever feeds a quantized layer, but not every activation.
        if registry.supports(layer) and hasattr(layer, "activation"):
            return quantization.quantize_annotate_layer(layer, output_config()())
        return layer

    annotated = tf_keras.models.clone_model(twin, clone_function=annotate)
    known = {"Default8BitOutputQuantizeConfig": output_config()}
    with quiet(), quantization.quantize_scope(known):
        try:
            return quantization.quantize_apply(annotated, scheme)
        # TFMOT's graph transforms raise whatever their assumptions break on.
        except Exception as error:
            raise CompressionError(
                f"TFMOT cannot quantize this model: {error}",
                field=twin.name.removeprefix("twin_"),
                hint=OTHER_RECIPES,
            ) from error


def _accepts(registry: Any, layer: Any) -> bool:
    name = type(layer).__name__
    if name == "BatchNormalization":
        return _folds(layer)
    if name == "SeparableConv2D":
        return True
    if not registry.supports(layer):
        return False
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return activation in (ACTIVATIONS if name == "Activation" else FUSED)


def _folds(normalization: Any) -> bool:
    """Returns whether a batch normalization alone follows a convolution without activation."""
    (node,) = normalization.inbound_nodes if len(normalization.inbound_nodes) == 1 else (None,)
    if node is None or not hasattr(node.inbound_layers, "outbound_nodes"):
        return False
    before = node.inbound_layers
    linear = getattr(getattr(before, "activation", None), "__name__", "") == "linear"
    return type(before).__name__ in FOLDED and linear and len(before.outbound_nodes) == 1
