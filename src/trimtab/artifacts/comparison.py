"""What ``compare`` decides of champion and challenger."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from trimtab.artifacts.evaluation import Drop, HeadlineValue, Latency
from trimtab.artifacts.proof import Limit, LimitTest, Reuse
from trimtab.errors import ArtifactError
from trimtab.storage.artifact import Artifact
from trimtab.storage.artifacts import open_artifacts

KIND, FILE = "comparison", "comparison.json"

Finding = Literal["better", "cheaper", "no_gain", "unproven", "worse"]


class Forced(BaseModel):
    """A retraining that promotes whatever comes out of it."""

    by: str = Field(description="Who forced it.")
    reason: str = Field(description="Why.")


class Rival(BaseModel):
    """One of two models that were measured side by side on the fresh test data."""

    metrics: dict[str, float] = Field(description="The metric that the task is about.")
    headline: HeadlineValue | None = Field(None, description="The same, with its meaning.")
    size_bytes: int = Field(description="Bytes of the model file.")
    latency_ms: Latency = Field(description="Milliseconds for one example.")

    @property
    def quality(self) -> HeadlineValue | None:
        """Returns the metric that the task is about."""
        return self.headline or HeadlineValue.among(self.metrics)


class Comparison(BaseModel):
    """What `compare` decides: whether the challenger replaces the champion, and the evidence."""

    promote: bool = Field(description="Whether the challenger is to replace the champion.")
    finding: Finding | Literal["identical", "no_champion", "no_answer", "over_budget"] = Field(
        description="`better`; `cheaper`: not worse and cheaper; `no_gain`: not worse, but neither; "
        "`unproven`: not shown to be not worse; `worse`: proven so; `no_champion`: nothing to be compared "
        "with; `no_answer`: the champion cannot answer the new data; `over_budget`: there is no challenger; "
        "`identical`: it is the champion, byte for byte."
    )
    why: str = Field(description="The finding in words, with its confidence.")
    crashed: bool = Field(
        False, description="Whether the champion ended its process, which may be for want of memory."
    )
    version: int | None = Field(None, description="The champion's version.")
    champion: Rival | None = Field(None, description="The champion on the fresh test data.")
    challenger: Rival | None = Field(None, description="The challenger on the same examples.")
    loss: Drop | None = Field(None, description="What the challenger loses against the champion.")
    gain: Drop | None = Field(None, description="What the champion loses against the challenger.")
    tolerated: float | None = Field(
        None, description="The loss that `not worse` tolerates; null: only `limits` say."
    )
    limits: list[Limit] = Field([], description="What the challenger must keep against the champion.")
    tests: list[LimitTest] = Field([], description="How it stands to each of them.")
    latency_ratio: float | None = Field(
        None, description="Upper limit of the challenger's latency over the champion's, at the confidence."
    )
    warnings: list[str] = Field([], description="What makes the comparison less than it seems, in words.")
    reuse: Reuse | None = Field(None, description="How often the test rows have decided before.")
    forced: Forced | None = Field(None, description="Who promotes it whatever the finding.")


class Judged(BaseModel):
    """What came of a challenger in an earlier run, on the same data against the same champion."""

    run: str = Field(description="The URI of that run's directory.")
    at: str = Field(description="When it was judged: UTC, ISO 8601.")
    finding: str = Field(description="As in that run's comparison.")
    why: str = Field(description="The finding in words, with its confidence.")
    promoted: int | None = Field(None, description="The version that it became; null: it lost.")


class ComparisonLineage(BaseModel):
    """What was judged.

    Attributes:
        selection: The digest of the selection.
        dataset: The fingerprint of the dataset.
    """

    selection: str
    dataset: str


def write(run_uri: str, comparison: Comparison, lineage: ComparisonLineage) -> None:
    """Writes the decision to the directory of a run."""
    with open_artifacts(run_uri).create(KIND, KIND) as draft:
        (draft.path / FILE).write_text(comparison.model_dump_json(indent=2) + "\n")
        draft.lineage = lineage


def read(run_uri: str, selection: Artifact) -> Comparison:
    """Returns what a run has found of champion and challenger.

    Args:
        run_uri: The URI of the run's directory.
        selection: The challenger.

    Raises:
        ArtifactError: If it is missing or damaged, or if it judged another selection.
    """
    artifact = open_artifacts(run_uri).open(KIND, KIND)
    if artifact.lineage["selection"] != selection.digest:
        raise ArtifactError("it judged another selection", path=str(artifact.path))
    return Comparison.model_validate_json((artifact.path / FILE).read_bytes())
