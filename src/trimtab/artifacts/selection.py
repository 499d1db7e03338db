"""What ``select`` decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from trimtab.artifacts.evaluation import Drop, HeadlineValue, Latency, OutputEvaluation, PartLoss
from trimtab.artifacts.inside import GraphSize, Inside
from trimtab.artifacts.proof import LimitTest, Proof
from trimtab.storage.artifact import Artifact
from trimtab.storage.artifacts import open_artifacts
from trimtab.tasks.quality import ClassMetrics

KIND, FILE = "selection", "selection.json"


class CandidateResult(BaseModel):
    """One candidate: what it is, what it scores and costs, and why it may or may not be shipped."""

    id: str = Field(
        description="Its steps, such as `channels-0.5--int8`, and a digest of the chain where a parameter "
        "that these do not show is not the default."
    )
    recipe: list[dict[str, Any]] = Field(description="The chain with all parameters, and its runtime.")
    runtime: str = Field("litert", description="What runs the model, here and where it is served.")
    ok: bool = Field(description="Whether there is a model; when not, `reasons` says why.")
    task: str = Field("", description="What was judged; empty where there is no model.")
    headline: HeadlineValue | None = Field(None, description="The metric that the task is about.")
    metrics: dict[str, float] = Field(
        {},
        description="On the test split. Classification: accuracy, balanced_accuracy, macro_f1, log_loss, "
        "calibration_error, roc_auc. Regression: rmse, mae, r2.",
    )
    per_class: dict[str, ClassMetrics] = Field({}, description="Quality by class name.")
    confusion: list[list[int]] = Field([], description="Rows are true classes, columns predicted ones.")
    outputs: dict[str, OutputEvaluation] = Field(
        {},
        description="Of several labels, each output's quality by its name; above is the first one's.",
        exclude_if=lambda outputs: not outputs,
    )
    thresholds: list[float] = Field(
        [],
        description="From which output on its answer is yes, in the order of the classes; chosen on "
        "validation rows by its own answers. None where the task has none to choose.",
    )
    drop: Drop | None = Field(
        None,
        description="Loss of quality against the baseline; its limit is as if there were no other "
        "candidate, see `proof`.",
    )
    limits: list[LimitTest] = Field(
        [],
        description="How it stands to each limit of `proof.limits`, as if there were no other candidate; the "
        "baseline, to those that stand alone.",
    )
    latency_ms: Latency | None = Field(None, description="Milliseconds for one example.")
    size_bytes: int | None = Field(None, description="Bytes of the model file.")
    gzip_bytes: int | None = Field(None, description="Bytes of the model file after gzip.")
    size_counts: Literal["file", "gzip"] = Field(
        "file", description="Which of the two `budget.size` limits and chooses by."
    )
    parameters: int | None = Field(None, description="Weights, trainable or not.")
    macs: int | None = Field(None, description="Multiply-accumulates for one example.")
    sparsity: float | None = Field(None, description="Share of zeros in the kernels, 0 to 1.")
    graph: GraphSize | None = Field(None, description="How many operators it is; null where nobody knows.")

    @property
    def counted_bytes(self) -> int | None:
        """Returns the size that is limited and chosen by."""
        return self.gzip_bytes if self.size_counts == "gzip" else self.size_bytes

    @property
    def all_metrics(self) -> dict[str, float]:
        """Returns the metrics; of several outputs those of each, by its name."""
        if not self.outputs:
            return self.metrics
        return {
            f"{output}: {name}": value
            for output, each in self.outputs.items()
            for name, value in each.metrics.items()
        }

    @property
    def quality(self) -> HeadlineValue | None:
        """Returns the metric that the task is about."""
        return self.headline or HeadlineValue.among(self.metrics)

    ranges: str | None = Field(
        None,
        description="Of 8 bits: which ranges of activations were the best on validation examples, or were "
        "asked for.",
    )
    within_budget: bool = Field(False, description="Whether every limit of the budget holds.")
    reasons: list[str] = Field([], description="Why it is not within the budget, in words.")
    flags: list[str] = Field(
        [], description="What no limit forbids, and a person should look at: a rare class that it loses."
    )
    on_pareto_front: bool = Field(
        False, description="Whether no other is at least as good in quality, latency and size."
    )


class Selection(BaseModel):
    """What ``select`` decides: every candidate, the baseline, and the one that is chosen."""

    baseline: CandidateResult
    candidates: list[CandidateResult]
    chosen: str | None = None
    verdict: str
    proof: Proof | None = None
    parts: list[PartLoss] = Field(
        [], description="What the chosen candidate loses on each class and slice, the largest loss first."
    )

    @property
    def nothing_else_passed(self) -> bool:
        """Returns whether the baseline is chosen because every other candidate failed the budget."""
        others = [candidate for candidate in self.candidates if candidate.id != self.baseline.id]
        is_baseline = self.chosen == self.baseline.id
        return is_baseline and bool(others) and not any(other.within_budget for other in others)


class SelectionLineage(BaseModel):
    """What was chosen, and from what.

    Attributes:
        dataset: The fingerprint of the dataset.
        candidate: The id of the chosen candidate; None: none is within the budget.
        runtime: What runs the candidate; with none chosen, empty like what follows.
        runtime_version: The version of its library.
        streams: How many requests it answers at a time.
        model: The reference of the Keras model that the candidate was made from.
        file: The reference of its files.
    """

    dataset: str
    candidate: str | None = None
    runtime: str = ""
    runtime_version: str = ""
    streams: int = 1
    model: str = ""
    file: str = ""


class SelectSummary(Selection):
    """What the report shows of ``select``.

    Attributes:
        latency_runs: How many runs of each candidate were counted.
        threads: Of the runtime.
        cpu: The name of the CPU.
        lineage: What the chosen candidate was made from.
        dataset: The reference of the dataset.
        evaluations: The references of the candidates that were measured, by id.
        inside: What is inside the baseline and the chosen candidate, by id.
    """

    latency_runs: int = 0
    threads: int = 1
    cpu: str = ""
    lineage: SelectionLineage | None = None
    dataset: str = ""
    evaluations: dict[str, str] = {}
    inside: dict[str, Inside] = {}


def write(directory: Path, selection: Selection) -> None:
    """Writes the decision beside the files of the chosen model."""
    (directory / FILE).write_text(selection.model_dump_json(indent=2) + "\n")


def read(run_uri: str) -> tuple[Artifact, Selection]:
    """Returns what a run has selected, with its decision.

    Args:
        run_uri: The URI of the run's directory.

    Raises:
        ArtifactError: If it is missing or damaged.
    """
    artifact = open_artifacts(run_uri).open(KIND, KIND)
    return artifact, Selection.model_validate_json((artifact.path / FILE).read_bytes())
