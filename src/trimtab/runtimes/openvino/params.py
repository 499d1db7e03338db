"""OpenVINO's quantizations, as they are declared."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.parameters import among
from trimtab.runtimes.base import Quantizer
from trimtab.runtimes.quantizations import Float16, Float32, Int8

_GUIDE = "https://docs.openvino.ai/2026/openvino-workflow/model-optimization-guide/"


class NncfInt8(Int8):
    """8-bit weights and activations by NNCF, calibrated on training examples."""

    max_drop: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Most that may be lost of the agreement with the float model, on training examples that "
        "were not calibrated with: operators that cost the most go back to floats until it holds. Takes "
        "many times as long. Null: all are quantized.",
        json_schema_extra=among(None, 0.005, 0.01),
    )


QUANTIZERS = {
    "none": Quantizer(Float32, "32-bit floats: the model as it is."),
    "float16": Quantizer(
        Float16,
        "16-bit float weights, computed in 32 bits: half the size, nearly the same outputs.",
        source="https://docs.openvino.ai/2026/openvino-workflow/model-preparation/conversion-parameters.html",
    ),
    "int8": Quantizer(
        NncfInt8,
        "8-bit weights, a scale per output channel, and activations, one per tensor, by NNCF with its fast "
        "bias correction; input and output stay in float.",
        needs=frozenset({"data"}),
        source=_GUIDE + "quantizing-models-post-training.html",
    ),
}
