"""``result.json``: the outcome of a run, for people and programs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trimtab.evaluate.evaluation import ClassMetrics, Drop, Latency


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DataSummary(_Strict):
    """The data that the run used."""

    rows: dict[str, int]
    classes: list[str]
    fingerprint: str
    warnings: list[str] = []


class CandidateResult(_Strict):
    """One candidate: what it is, what it scores and costs, and why it may or may not be shipped."""

    id: str
    recipe: dict[str, Any]
    runtime: str = "litert"
    ok: bool
    metrics: dict[str, float] = {}
    per_class: dict[str, ClassMetrics] = {}
    confusion: list[list[int]] = []
    drop: Drop | None = None
    latency_ms: Latency | None = None
    size_bytes: int | None = None
    gzip_bytes: int | None = None
    parameters: int | None = None
    macs: int | None = None
    sparsity: float | None = None
    within_budget: bool = False
    reasons: list[str] = []
    on_pareto_front: bool = False


class Selection(_Strict):
    """What ``select`` decides: every candidate, the baseline, and the one that is chosen."""

    baseline: CandidateResult
    candidates: list[CandidateResult]
    chosen: str | None
    verdict: str


class StageError(_Strict):
    """Why a stage failed."""

    stage: str
    type: str
    message: str
    exit_code: int


class Result(_Strict):
    """The outcome of a run.

    Attributes:
        status: ``deployed``, ``over_budget`` (everything ran and no candidate met the budget) or ``failed``.
        verdict: The outcome in a sentence.
        why: Why this candidate was chosen among those within the budget, or what came closest to it.
        chosen: The id of the chosen candidate.
        deployed: Where it was deployed.
        report: The HTML report.
        tensorboard: The directory of the TensorBoard logs.
        errors: The stages that failed, candidates that could not be made not among them.
    """

    run_id: str
    status: Literal["deployed", "over_budget", "failed"]
    verdict: str
    why: str = ""
    config: dict[str, Any]
    data: DataSummary | None = None
    baseline: CandidateResult | None = None
    candidates: list[CandidateResult] = []
    chosen: str | None = None
    deployed: str | None = None
    report: str | None = None
    tensorboard: str | None = None
    seconds: dict[str, float] = {}
    errors: list[StageError] = []
