"""ONNX Runtime's quantizations, as they are declared."""

from __future__ import annotations

from trimtab.runtimes.base import Quantizer
from trimtab.runtimes.quantizations import DynamicInt8, Float16, Float32, Int8

_GUIDE = "https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html"
QUANTIZERS = {
    "none": Quantizer(Float32, "32-bit floats: the model as it is."),
    "float16": Quantizer(
        Float16, "16-bit float weights, computed in 32 bits: half the size, nearly the same outputs."
    ),
    "dynamic_int8": Quantizer(
        DynamicInt8,
        "8-bit weights, activations quantized on the fly: integer kernels for convolutions and products.",
        source=_GUIDE,
    ),
    "int8": Quantizer(
        Int8,
        "8-bit weights, a scale per output channel, and activations, one per tensor, as pairs of operators "
        "that quantize and dequantize (QDQ); input and output stay in float.",
        needs=frozenset({"data"}),
        source=_GUIDE,
    ),
}
