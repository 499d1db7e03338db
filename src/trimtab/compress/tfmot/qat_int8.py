"""8-bit weights and activations by quantization-aware training (TFMOT): the model learns to bear rounding.

What TFMOT accepts is quantized, the rest of the model stays in float: Dense, Conv2D, DepthwiseConv2D,
SeparableConv2D and Conv2DTranspose with an activation that LiteRT can fuse; batch normalization right after
one of them, folded into it; ReLU, Add, Concatenate, pooling and reshaping. Zeros of a pruned model are kept
("PQAT"); plain quantization-aware training would fill most of them.

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018; https://www.tensorflow.org/model_optimization/guide/quantization/training
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.compress.base import Context, Files, Pass
from trimtab.compress.qat import Qat
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras

PROBE_EXAMPLES = 8
RANGE_EXAMPLES = 256
HEAVY = ("Conv2D", "Conv2DTranspose", "Dense", "DepthwiseConv2D", "SeparableConv2D")
FUSED = ("gelu", "linear", "relu", "sigmoid", "softmax", "swish", "tanh")
ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax", "swish", "tanh")
FOLDED = ("Conv2D", "Dense", "DepthwiseConv2D", "SeparableConv2D")


class QuantizationAwareTraining(Pass[Qat]):
    """8-bit weights and activations, learned by quantization-aware training (TFMOT)."""

    params = Qat
    gives = "litert"
    needs = frozenset({"data", "gradients", "labels"})
    keeps = frozenset({"zeros", "two_four", "widths"})
    source = "https://arxiv.org/abs/1712.05877"

    def __call__(self, model: keras.Model, params: Qat, context: Context) -> Files:
        """Returns a flatbuffer that computes in 8-bit integers, with weights trained for it; see ``Pass``."""
        from trimtab.compress.tfmot.bridge import build_twin, flat
        from trimtab.compress.tfmot.layers import OTHER_RECIPES
        from trimtab.compress.tfmot.library import TfKeras
        from trimtab.compress.tfmot.ranges import start_ranges
        from trimtab.compress.traits import measure
        from trimtab.models.autograph import without_autograph
        from trimtab.models.tensors import input_names, output_names
        from trimtab.runtimes.litert import MODEL_FILE
        from trimtab.runtimes.litert.convert import convert
        from trimtab.runtimes.litert.mended import in_floats
        from trimtab.runtimes.litert.quantizations import check_int8
        from trimtab.runtimes.litert.signature import signed

        source = flat(model)
        twin = build_twin(source, context.calibration(PROBE_EXAMPLES))
        quantized = without_autograph(_quantized)(twin, preserve_zeros="zeros" in measure(source).names)
        start_ranges(quantized, context.calibration(RANGE_EXAMPLES))
        context.fine_tune(quantized, params, library=TfKeras())
        # TFMOT calls what gives an output otherwise than the model does.
        names = input_names(model), output_names(model)
        content = signed(in_floats(convert(quantized, _optimized)), *names)
        return {MODEL_FILE: check_int8(content, model.name, OTHER_RECIPES)}


def _optimized(converter: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _quantized(twin: Any, *, preserve_zeros: bool) -> Any:
    """Returns the twin with fake quantization around every layer that TFMOT accepts."""
    import tf_keras
    from tensorflow_model_optimization.experimental.combine import Default8BitPrunePreserveQuantizeScheme
    from tensorflow_model_optimization.quantization import keras as quantization
    from tensorflow_model_optimization.quantization.keras.default_8bit import Default8BitQuantizeScheme

    from trimtab.compress.tfmot import untouched
    from trimtab.compress.tfmot.layers import OTHER_RECIPES
    from trimtab.compress.tfmot.unpublished import output_config
    from trimtab.quiet import quiet

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
    known = {"Default8BitOutputQuantizeConfig": output_config(), **untouched.known()}
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


PASS = QuantizationAwareTraining()
