"""LiteRT's quantizations: what each sets on the converter, and what must have come of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import CompressionError
from trimtab.runtimes.base import Quantizer
from trimtab.runtimes.litert import edge
from trimtab.runtimes.litert.params import LiteRTDynamicInt8, LiteRTInt4, LiteRTInt8, LiteRTInt16x8
from trimtab.runtimes.quantizations import Float16, Float32
from trimtab.runtimes.ranges import Rule, limits
from trimtab.runtimes.ranges import examples as one_by_one

if TYPE_CHECKING:
    import keras

_GUIDE = "https://ai.google.dev/edge/litert/models/"
QUANTIZERS = {
    "none": Quantizer(Float32, "32-bit floats: the model as it is."),
    "float16": Quantizer(
        Float16,
        "16-bit float weights, computed in 32 bits: half the size, nearly the same outputs.",
        source=_GUIDE + "post_training_float16_quant",
    ),
    "dynamic_int8": Quantizer(
        LiteRTDynamicInt8,
        "8-bit weights of at least 1,024 values, activations quantized on the fly: integer kernels for heavy "
        "operators.",
        source=_GUIDE + "post_training_quant",
    ),
    "int8": Quantizer(
        LiteRTInt8,
        "8-bit weights, a scale per output channel, and activations, one per tensor; operators without an "
        "8-bit kernel stay in float, and so do input and output.",
        needs=frozenset({"data"}),
        source=_GUIDE + "post_training_integer_quant",
    ),
    "int16x8": Quantizer(
        LiteRTInt16x8,
        "8-bit weights, a scale per output channel, and 16-bit activations: nearly the answers of floats, "
        "and slow wherever LiteRT has no fast kernels for it, as on x86.",
        needs=frozenset({"data"}),
        source=_GUIDE + "post_training_integer_quant_16x8",
    ),
    "int4": Quantizer(
        LiteRTInt4,
        "4-bit weights, a scale per output channel or per 32 values of an embedding's row, by AI Edge "
        "Quantizer; activations are quantized on the fly, or stay in floats.",
        source="https://github.com/google-ai-edge/ai-edge-quantizer",
    ),
}


def quantized(model: keras.Model, quantizer: str, params: Section | None = None) -> bytes:
    """Returns a model as the content of a ``.tflite`` file by what looks at no examples.

    Args:
        model: A Keras model.
        quantizer: The name of the quantization.
        params: Its parameters; None: their defaults.

    Raises:
        CompressionError: If LiteRT cannot take the model, or if nothing was quantized.
    """
    from trimtab.runtimes.litert.convert import convert

    if quantizer == "none":
        return convert(model)
    if quantizer == "float16":
        return check_float16(convert(model, _float16), model.name)
    if quantizer == "int4":
        from trimtab.runtimes.litert.int4 import int4

        return int4(convert(model), LiteRTInt4.model_validate(params or {}, from_attributes=True), model.name)
    if isinstance(params, LiteRTDynamicInt8) and params.small_kernels:
        edge.check_installed("small_kernels", model.name)
        whole = edge.weights_only(convert(model), [edge.rule(8, least=0)], model.name)
        return check_dynamic_int8(whole, model.name)
    return check_dynamic_int8(convert(model, _optimized), model.name)


def int16x8(model: keras.Model, examples: Batch) -> bytes:
    """Returns a model with 8-bit weights and 16-bit activations; input and output stay in floats.

    Args:
        model: A Keras model.
        examples: Model-ready training examples.

    Raises:
        CompressionError: If LiteRT cannot take the model, or if nothing was quantized.
    """
    import tensorflow as tf

    from trimtab.runtimes.litert.convert import convert
    from trimtab.runtimes.litert.unroll import unrolled

    def configure(converter: Any) -> None:
        _int8(converter, examples)
        wide = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [wide, tf.lite.OpsSet.TFLITE_BUILTINS]

    with unrolled(model):
        return check_int8(convert(model, configure), model.name)


@dataclass(frozen=True)
class Calibrated:
    """A model before it goes to 8 bits.

    Attributes:
        floats: A flatbuffer in floats, with the ranges of its activations.
        quantized: Returns it in 8 bits, as the content of a ``.tflite`` file, with the ranges of a rule and
            some operators in floats, by name.
    """

    floats: bytes
    quantized: Callable[[Rule, Collection[str]], bytes]

    def __call__(self, rule: Rule) -> bytes:
        """Returns it with all in 8 bits."""
        return self.quantized(rule, ())


def int8(model: keras.Model, examples: Batch) -> Calibrated:
    """Returns a model calibrated.

    Args:
        model: A Keras model.
        examples: Model-ready training examples.

    Raises:
        CompressionError: If LiteRT cannot take the model, or if nothing was quantized.
    """
    from trimtab.runtimes.litert import calibrated
    from trimtab.runtimes.litert.convert import convert, sign
    from trimtab.runtimes.litert.masked import masked
    from trimtab.runtimes.litert.unroll import unrolled

    def configure(converter: Any) -> None:
        _int8(converter, examples)
        calibrated.calibrate_only(converter)

    with unrolled(model):
        masks = masked(convert(model, configure), examples)
    floats = masks.content
    ends = calibrated.read_ranges(floats)
    values = cache(lambda: calibrated.values(floats, ends, examples))

    def make(rule: Rule, kept: Collection[str]) -> bytes:
        flatbuffer = floats
        if rule != "min_max":
            flatbuffer = calibrated.with_ranges(floats, {**limits(rule, ends, values()), **masks.ranges})
        return check_int8(sign(model, lambda: calibrated.quantize(flatbuffer, kept)), model.name)

    return Calibrated(floats, make)


def _optimized(converter: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _float16(converter: Any) -> None:
    import tensorflow as tf

    _optimized(converter)
    converter.target_spec.supported_types = [tf.float16]


def _int8(converter: Any, examples: Batch) -> None:
    import tensorflow as tf

    def representative() -> Iterator[list[Any]]:
        for example in one_by_one(examples):
            yield list(example.values())

    _optimized(converter)
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,
    ]


def check_float16(flatbuffer: bytes, name: str) -> bytes:
    """Returns a flatbuffer that has weights in 16-bit floats.

    Raises:
        CompressionError: If there are none.
    """
    from trimtab.runtimes.litert.flatbuffer import float16_constants

    if not float16_constants(flatbuffer):
        raise CompressionError("the model has no weights that 16-bit floats could hold", field=name)
    return flatbuffer


def check_dynamic_int8(flatbuffer: bytes, name: str) -> bytes:
    """Returns a flatbuffer that has operators which compute with 8-bit weights.

    Raises:
        CompressionError: If there are none.
    """
    from trimtab.runtimes.litert.flatbuffer import int8_operators

    if not int8_operators(flatbuffer):
        raise CompressionError(
            "no operator was quantized: LiteRT leaves kernels of fewer than 1,024 weights in float",
            field=name,
            hint="Use int8 for a model this small.",
        )
    return flatbuffer


def check_int8(flatbuffer: bytes, name: str, hint: str | None = None) -> bytes:
    """Returns a flatbuffer that has operators which compute in 8-bit integers.

    Raises:
        CompressionError: If there are none.
    """
    from trimtab.runtimes.litert.flatbuffer import int8_operators

    if not int8_operators(flatbuffer):
        raise CompressionError("no operator was quantized", field=name, hint=hint)
    return flatbuffer
