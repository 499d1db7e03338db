"""The ``recipes`` section: which models to prune how, and how to quantize each.

A recipe is a pruning method with its parameters and a list of quantization methods: the pruned model is made
once and quantized many ways. The parameters of every method are declared here, with type, default, range and
description, so that validation, the JSON schema and the docs come from one place; the work is in
``trimtab.compress``, one method a file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from trimtab.config.base import Section

BASELINE_ID = "none"
CANDIDATE_SEPARATOR = "--"


class NoPrune(Section):
    """The trained model as it is."""

    method: Literal["none"] = "none"

    @property
    def id(self) -> str:
        """Returns the identifier in run directories and reports."""
        return BASELINE_ID


class Magnitude(Section):
    """Unstructured magnitude pruning (TFMOT, polynomial schedule)."""

    method: Literal["magnitude"] = "magnitude"
    sparsity: float = Field(0.7, gt=0, lt=1, description="Share of zero weights in every pruned kernel.")
    epochs: int = Field(5, ge=1, description="Epochs of pruning and fine-tuning together.")
    learning_rate_factor: float = Field(0.3, gt=0, le=1, description="Times `train.learning_rate`.")

    @property
    def id(self) -> str:
        """Returns the identifier in run directories and reports."""
        return f"magnitude-{self.sparsity:g}"


class TwoFour(Section):
    """Structured 2:4 sparsity (TFMOT): two zeros in every four weights."""

    method: Literal["two_four"] = "two_four"
    epochs: int = Field(5, ge=1, description="Epochs of pruning and fine-tuning together.")
    learning_rate_factor: float = Field(0.3, gt=0, le=1, description="Times `train.learning_rate`.")

    @property
    def id(self) -> str:
        """Returns the identifier in run directories and reports."""
        return "two_four"


class Channels(Section):
    """Whole filters and units removed, so that the model truly shrinks."""

    method: Literal["channels"] = "channels"
    ratio: float = Field(
        0.5, gt=0, lt=1, description="Share of the channels removed in every prunable group."
    )
    epochs: int = Field(5, ge=1, description="Epochs of fine-tuning after the cut.")
    learning_rate_factor: float = Field(0.5, gt=0, le=1, description="Times `train.learning_rate`.")

    @property
    def id(self) -> str:
        """Returns the identifier in run directories and reports."""
        return f"channels-{self.ratio:g}"


class NoQuantize(Section):
    """32-bit floats."""

    method: Literal["none"] = "none"


class Float16(Section):
    """16-bit float weights."""

    method: Literal["float16"] = "float16"


class DynamicInt8(Section):
    """8-bit weights; activations are quantized on the fly."""

    method: Literal["dynamic_int8"] = "dynamic_int8"


class Int8(Section):
    """8-bit weights and activations, calibrated on training examples."""

    method: Literal["int8"] = "int8"
    calibration_examples: int = Field(200, ge=1, le=100_000, description="Training examples for the ranges.")


class QatInt8(Section):
    """8-bit weights and activations, learned by quantization-aware training (TFMOT)."""

    method: Literal["qat_int8"] = "qat_int8"
    epochs: int = Field(2, ge=1, description="Epochs of quantization-aware fine-tuning.")
    learning_rate_factor: float = Field(0.1, gt=0, le=1, description="Times `train.learning_rate`.")


def _named(value: Any) -> Any:
    """Lets a method without parameters be written as its bare name."""
    return {"method": value} if isinstance(value, str) else value


Prune = Annotated[
    NoPrune | Magnitude | TwoFour | Channels, Field(discriminator="method"), BeforeValidator(_named)
]
Quantize = Annotated[
    NoQuantize | Float16 | DynamicInt8 | Int8 | QatInt8,
    Field(discriminator="method"),
    BeforeValidator(_named),
]


class Recipe(Section):
    """One way to prune, and the ways to quantize its result."""

    prune: Prune = NoPrune()
    quantize: list[Quantize] = Field([NoQuantize()], min_length=1)


def candidate_id(prune_id: str, quantize_method: str) -> str:
    """Returns the id of a candidate, such as ``channels-0.5--int8``."""
    return f"{prune_id}{CANDIDATE_SEPARATOR}{quantize_method}"
