"""The parameters of LiteRT's quantizations that other runtimes do not have."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trimtab.config.base import Section
from trimtab.config.parameters import among
from trimtab.runtimes.quantizations import DynamicInt8, Int8


class Codes(Section):
    """How many of the 255 codes of 8 bits kernels have."""

    codes: Annotated[int, Field(ge=3, le=255)] | Literal["auto"] | None = Field(
        None,
        description="Most distinct weights of a kernel, an odd number: the file is as large and as fast, and "
        "smaller after gzip. `auto`: as few for each kernel as validation examples allow. Null: as the "
        "quantization has them.",
        json_schema_extra=among(None, 63, 31, 15, "auto"),
    )
    codes_loss: float = Field(
        0.005,
        ge=0,
        lt=1,
        description="Most that `codes: auto` may lose on validation examples, as the budget counts it: 0.005 "
        "is half a point of accuracy, or 0.5 % of an error.",
        json_schema_extra=among(0.0025, 0.005, 0.01),
    )

    @model_validator(mode="after")
    def _has_a_zero(self) -> Self:
        if isinstance(self.codes, int) and self.codes % 2 == 0:
            raise ValueError(f"codes: expected an odd number, so that 0 is one of them, found {self.codes}")
        return self


class LiteRTDynamicInt8(Codes, DynamicInt8):
    """8-bit weights; activations are quantized on the fly."""

    small_kernels: bool = Field(
        False,
        description="Whether kernels of fewer than 1,024 weights have 8 bits, too, by AI Edge Quantizer "
        "(`trimtab[tflite]`): a smaller file, sometimes a faster one, and often a far slower one where there "
        "are depthwise convolutions.",
        json_schema_extra=among(False, True),
    )


class LiteRTInt16x8(Section):
    """8-bit weights and 16-bit activations, calibrated on training examples."""

    calibration_examples: int = Field(
        200,
        ge=1,
        le=100_000,
        description="Training examples for the ranges, from the smallest to the largest value.",
        json_schema_extra=among(50, 200, 1000),
    )


class LiteRTInt4(Section):
    """4-bit weights."""

    weights: Literal["all", "embeddings"] = Field(
        "all",
        description="Which weights have 4 bits: all of kernels of at least 1,024 and of embeddings, or those "
        "of embeddings alone, and the other kernels have 8.",
        json_schema_extra=among("all", "embeddings"),
    )
    activations: Literal["int8", "float"] = Field(
        "int8",
        description="What is computed in: 8-bit integers, to which activations are brought on the fly, or "
        "floats, to which weights are brought.",
        json_schema_extra=among("int8", "float"),
    )


class LiteRTInt8(Codes, Int8):
    """8-bit weights and activations, calibrated on training examples."""

    max_drop: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Most that may be lost against floats on validation examples, as the budget counts it: "
        "the layers that cost the most alone stay in floats until it holds. Null: all go to 8 bits.",
        json_schema_extra=among(None, 0.005, 0.01),
    )
