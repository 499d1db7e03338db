"""``result.json``: the outcome of a run, for people and programs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trimtab.data.champion.changes import Changes
from trimtab.data.champion.drift import DriftReport
from trimtab.evaluate.challenger import Finding
from trimtab.evaluate.evaluation import ClassMetrics, Drop, Latency


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DataSummary(_Strict):
    """The data that the run used."""

    rows: dict[str, int] = Field(description="Rows by split: train, validation, test.")
    classes: list[str] = Field(
        description="Class names in the order of the model's outputs; [] in regression."
    )
    fingerprint: str = Field(description="SHA-256 of the content, whatever the order of its rows.")
    warnings: list[str] = Field([], description="What is suspicious about the data, in words.")


class CandidateResult(_Strict):
    """One candidate: what it is, what it scores and costs, and why it may or may not be shipped."""

    id: str = Field(description="`<pruning>--<quantization>`, such as `channels-0.5--int8`.")
    recipe: dict[str, Any] = Field(description="The pruning and the quantization with all their parameters.")
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


class Selection(_Strict):
    """What ``select`` decides: every candidate, the baseline, and the one that is chosen."""

    baseline: CandidateResult
    candidates: list[CandidateResult]
    chosen: str | None
    verdict: str


class Forced(_Strict):
    """A retraining that promotes whatever comes out of it."""

    by: str = Field(description="Who forced it.")
    reason: str = Field(description="Why.")


class Rival(_Strict):
    """One of two models that were measured side by side on the fresh test data."""

    metrics: dict[str, float] = Field(description="Classification: accuracy. Regression: mae.")
    size_bytes: int = Field(description="Bytes of the model file.")
    latency_ms: Latency = Field(description="Milliseconds for one example.")


class Comparison(_Strict):
    """What `compare` decides: whether the challenger replaces the champion, and the evidence."""

    promote: bool = Field(description="Whether the challenger is to replace the champion.")
    finding: Finding | Literal["no_champion", "no_answer", "over_budget"] = Field(
        description="`better`; `cheaper`: not worse and cheaper; `no_gain`: not worse, but neither; "
        "`unproven`: not shown to be not worse; `worse`: proven so; `no_champion`: nothing to be compared "
        "with; `no_answer`: the champion cannot answer the new data; `over_budget`: there is no challenger."
    )
    why: str = Field(description="The finding in words, with its confidence.")
    version: int | None = Field(None, description="The champion's version.")
    champion: Rival | None = Field(None, description="The champion on the fresh test data.")
    challenger: Rival | None = Field(None, description="The challenger on the same examples.")
    loss: Drop | None = Field(None, description="What the challenger loses against the champion.")
    gain: Drop | None = Field(None, description="What the champion loses against the challenger.")
    tolerated: float | None = Field(None, description="The loss that `not worse` tolerates.")
    latency_ratio: float | None = Field(
        None, description="Upper limit of the challenger's latency over the champion's, at the confidence."
    )
    forced: Forced | None = Field(None, description="Who promotes it whatever the finding.")


class Judged(_Strict):
    """What came of a challenger in an earlier run, on the same data against the same champion."""

    run: str = Field(description="The URI of that run's directory.")
    at: str = Field(description="When it was judged: UTC, ISO 8601.")
    finding: str = Field(description="As in that run's comparison.")
    why: str = Field(description="The finding in words, with its confidence.")
    promoted: int | None = Field(None, description="The version that it became; null: it lost.")


class Retraining(_Strict):
    """What new data did to the model in service."""

    needed: bool = Field(description="Whether there was a reason to retrain.")
    reasons: list[str] = Field(description="Why, or why not, in words.")
    changes: Changes | None = Field(None, description="What changed in the sources; null when not known.")
    champion: int | None = Field(None, description="The version in service that it began with.")
    schema_changes: list[str] = Field([], description="What differs from the champion's schema, in words.")
    drift: DriftReport | None = Field(None, description="Drift against the champion's training data.")
    start: str | None = Field(None, description="What training started from: `champion v3` or `scratch`.")
    start_reason: str = Field("", description="Why.")
    comparison: Comparison | None = Field(None, description="Champion against challenger.")
    judged: Judged | None = Field(
        None, description="What came of this data before, against the same champion; then nothing is needed."
    )
    forced: Forced | None = Field(None, description="Who forced it.")


class StageError(_Strict):
    """Why a stage failed."""

    stage: str = Field(description="The stage, and what it worked on: `prune channels-0.5`.")
    type: str = Field(description="The error's class; `NoRecord` for a stage that was killed or never ran.")
    message: str = Field(description="What is wrong; indented lines below it say what to do.")
    exit_code: int = Field(description="The exit code of `trimtab run`.")


Status = Literal["deployed", "up_to_date", "champion_kept", "over_budget", "failed"]


class Result(_Strict):
    """The outcome of a run."""

    run_id: str = Field(description="The name of the run's directory.")
    status: Status = Field(
        description="`over_budget`: everything ran and no candidate met the budget. A retraining also ends "
        "as `up_to_date`, when there is nothing new, or `champion_kept`, when the new model is not promoted."
    )
    verdict: str = Field(description="The outcome in a sentence.")
    why: str = Field("", description="Why this candidate was chosen, or what came closest to the budget.")
    config: dict[str, Any] = Field(description="The resolved config.")
    data: DataSummary | None = Field(None, description="Null when the data could not be prepared.")
    baseline: CandidateResult | None = Field(
        None, description="The trained model as it is, in 32-bit floats."
    )
    candidates: list[CandidateResult] = Field([], description="Every candidate, the baseline first.")
    chosen: str | None = Field(None, description="The id of the chosen candidate.")
    retrain: Retraining | None = Field(None, description="Null unless it is a retraining.")
    deployed: str | None = Field(None, description="The URI of the deployed version.")
    report: str | None = Field(None, description="The URI of the HTML report.")
    tensorboard: str | None = Field(None, description="The URI of the TensorBoard logs.")
    seconds: dict[str, float] = Field({}, description="Wall time of every task.")
    errors: list[StageError] = Field(
        [], description="The stages that failed; candidates that could not be made are not among them."
    )
