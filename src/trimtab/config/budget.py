"""The ``budget`` section: what the shipped model may cost, and how sure the proof must be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trimtab.config.base import Section


class Budget(Section):
    """Every limit that is set must hold; the objective picks among the candidates that remain."""

    max_accuracy_drop: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="Classification: largest drop in accuracy, as a fraction (0.01 is one point).",
    )
    max_error_increase: float = Field(
        0.05, gt=0, lt=10, description="Regression: largest relative increase of the mean absolute error."
    )
    max_latency_ms: float | None = Field(None, gt=0, description="Median latency of one example.")
    max_size_kb: float | None = Field(
        None, gt=0, description="Size of the model file, in units of 1,000 bytes."
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="The model that ships keeps the limit of its quality with at least this probability.",
    )
    proof: Literal["required", "estimate"] = Field(
        "required",
        description="`estimate` judges each candidate as if it were the only one: more pass, and nothing is "
        "proven of the one that is chosen among them.",
    )
    objective: Literal["latency", "size", "balanced"] = "balanced"
    threads: int = Field(1, ge=1, le=256, description="Threads of the runtime when latency is measured.")
