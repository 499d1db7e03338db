"""What ``select`` decides."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from trimtab.artifacts.evaluation import ClassMetrics, Drop, Latency


class CandidateResult(BaseModel):
    """One candidate: what it is, what it scores and costs, and why it may or may not be shipped."""

    id: str = Field(
        description="Its steps, such as `channels-0.5--int8`, and a digest of the chain where a parameter "
        "that these do not show is not the default."
    )
    recipe: list[dict[str, Any]] = Field(description="The chain with all parameters, and its runtime.")
    runtime: str = Field("litert", description="What runs the model, here and where it is served.")
    ok: bool = Field(description="Whether there is a model; when not, `reasons` says why.")
    metrics: dict[str, float] = Field(
        {},
        description="On the test split. Classification: accuracy, balanced_accuracy, macro_f1, log_loss, "
        "calibration_error, roc_auc. Regression: rmse, mae, r2.",
    )
    per_class: dict[str, ClassMetrics] = Field({}, description="Quality by class name.")
    confusion: list[list[int]] = Field([], description="Rows are true classes, columns predicted ones.")
    drop: Drop | None = Field(None, description="Loss of quality against the baseline, and its proof.")
    latency_ms: Latency | None = Field(None, description="Milliseconds for one example.")
    size_bytes: int | None = Field(None, description="Bytes of the model file.")
    gzip_bytes: int | None = Field(None, description="Bytes of the model file after gzip.")
    parameters: int | None = Field(None, description="Weights, trainable or not.")
    macs: int | None = Field(None, description="Multiply-accumulates for one example.")
    sparsity: float | None = Field(None, description="Share of zeros in the kernels, 0 to 1.")
    within_budget: bool = Field(False, description="Whether every limit of the budget holds.")
    reasons: list[str] = Field([], description="Why it is not within the budget, in words.")
    on_pareto_front: bool = Field(
        False, description="Whether no other is at least as good in quality, latency and size."
    )


class Selection(BaseModel):
    """What ``select`` decides: every candidate, the baseline, and the one that is chosen."""

    baseline: CandidateResult
    candidates: list[CandidateResult]
    chosen: str | None
    verdict: str
