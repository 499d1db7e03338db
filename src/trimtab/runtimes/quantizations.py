"""The parameters of quantizations that mean the same in more than one runtime."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trimtab.config.base import Section
from trimtab.config.parameters import among


class Float32(Section):
    """32-bit floats."""


class Float16(Section):
    """16-bit float weights."""


class DynamicInt8(Section):
    """8-bit weights; activations are quantized on the fly."""


class Int8(Section):
    """8-bit weights and activations, calibrated on training examples."""

    calibration_examples: int = Field(
        200,
        ge=1,
        le=100_000,
        description="Training examples for the ranges.",
        json_schema_extra=among(50, 200, 1000),
    )
    ranges: Literal["auto", "min_max", "percentile", "least_squares"] = Field(
        "auto",
        description="What an activation may be: from the smallest to the largest value of those examples; "
        "without a thousandth of the values at each end; or with the least squared error. `auto`: whichever "
        "is best on validation examples.",
        json_schema_extra=among("auto"),
    )
    keep_float: str = Field(
        "",
        description="Layers that stay in floats, by name: `conv_1 dense*`, with spaces between them.",
        json_schema_extra=among(""),
    )
    only: str = Field(
        "",
        description="Layers that do not, by name; all others stay in floats. Empty: all.",
        json_schema_extra=among(""),
    )
