"""``result.json``: the outcome of a run, for people and programs."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.evaluation import HeadlineValue, PartLoss
from trimtab.artifacts.model import AsItCame
from trimtab.artifacts.proof import Proof, Reach
from trimtab.artifacts.retraining import Retraining
from trimtab.artifacts.search import SearchSummary
from trimtab.artifacts.selection import CandidateResult
from trimtab.config.base import Section
from trimtab.config.budget import Budget
from trimtab.config.deploy import Deploy
from trimtab.storage.sealed import Sealed

_Section = TypeVar("_Section", bound=Section)


class DataSummary(BaseModel):
    """The data that the run used."""

    rows: dict[str, int] = Field(
        description="Rows by split: train, validation, test; with folds, of the first one."
    )
    tested: int = Field(0, description="Rows that are tested; with folds, of all of them.")
    folds: int = Field(1, description="How many folds all rows are tested by; 1: there is one test split.")
    classes: list[str] = Field(
        description="Class names in the order of the model's outputs; [] in regression."
    )
    fingerprint: str = Field(description="SHA-256 of the content, whatever the order of its rows.")
    input_kind: str = Field("", description="What the model takes: `tabular`, `text`, `image` or `audio`.")
    warnings: list[str] = Field([], description="What is suspicious about the data, in words.")
    reach: list[Reach] = Field([], description="What the test rows can prove at best, where that is known.")


class TaskResult(BaseModel):
    """One task of the pipeline."""

    name: str = Field(description="The stage, and the shard that it worked on: `prune 1/2`.")
    seconds: float = Field(description="Wall time.")
    reused: bool = Field(False, description="Whether all that it was to make was there already.")


class LeftOut(BaseModel):
    """A candidate that the usual recipes have, and that was not tried."""

    candidate: str = Field(description="Its id.")
    reason: str = Field(description="What it needs.")


class StageError(BaseModel):
    """Why a stage failed."""

    stage: str = Field(description="The stage, and what it worked on: `prune channels-0.5`.")
    type: str = Field(description="The error's class; `NoRecord` for a stage that was killed or never ran.")
    message: str = Field(description="What is wrong; indented lines below it say what to do.")
    exit_code: int = Field(description="The exit code of `trimtab run`.")


Status = Literal["deployed", "baseline_deployed", "up_to_date", "champion_kept", "over_budget", "failed"]


class Result(Sealed):
    """The outcome of a run."""

    run_id: str = Field(description="The name of the run's directory.")
    status: Status = Field(
        description="`baseline_deployed`: the trained model itself was deployed, as no other candidate met "
        "the budget. `over_budget`: everything ran and no candidate met the budget. `champion_kept`: the "
        "model in service stays, as the new one was not proven better, or not worse and cheaper. "
        "`up_to_date`: there is nothing new, or the new model is the one in service."
    )
    verdict: str = Field(description="The outcome in a sentence.")
    why: str = Field("", description="Why this candidate was chosen, or what came closest to the budget.")
    config: dict[str, Any] = Field(description="The resolved config.")
    data: DataSummary | None = Field(None, description="Null when the data could not be prepared.")
    baseline: CandidateResult | None = Field(
        None, description="The trained model as it is, in 32-bit floats."
    )
    as_it_came: AsItCame | None = Field(
        None, description="What a model that was brought scored before anything was done to it."
    )
    candidates: list[CandidateResult] = Field([], description="Every candidate, the baseline first.")
    left_out: list[LeftOut] = Field(
        [], description="Candidates that were not tried, as there are no training rows to fine-tune them on."
    )
    search: SearchSummary | None = Field(
        None,
        description="What `recipes: auto` tried, what it left out, and why; null: the config has recipes.",
    )
    chosen: str | None = Field(None, description="The id of the chosen candidate.")
    proof: Proof | None = Field(None, description="What is proven of the chosen candidate, and how.")
    parts: list[PartLoss] = Field(
        [], description="What the chosen candidate loses on each class and slice, the largest loss first."
    )
    comparison: Comparison | None = Field(
        None, description="The chosen candidate against the model in service, on the same test examples."
    )
    warnings: list[str] = Field(
        [], description="What every task warns of, each once; those of the data are in `data`, too."
    )
    retrain: Retraining | None = Field(None, description="Null unless it is a retraining.")
    deployed: str | None = Field(None, description="The URI of the deployed version.")
    report: str | None = Field(None, description="The URI of the HTML report.")
    tensorboard: str | None = Field(None, description="The URI of the TensorBoard logs.")
    tasks: list[TaskResult] = Field([], description="Every task that left a record, in order.")
    errors: list[StageError] = Field(
        [], description="The stages that failed; candidates that could not be made are not among them."
    )

    @property
    def headline(self) -> HeadlineValue | None:
        """Returns the baseline's value of the metric that the task is about, or the first that there is."""
        everyone = [*([self.baseline] if self.baseline else []), *self.candidates]
        return next((candidate.quality for candidate in everyone if candidate.quality is not None), None)

    @property
    def task(self) -> str:
        """Returns what was judged, by name; empty where nothing was."""
        return next((candidate.task for candidate in self.candidates if candidate.task), "")

    @property
    def budget(self) -> Budget | None:
        """Returns the budget, as far as this trimtab knows it; None where there is none."""
        return _known(Budget, self.config.get("budget"))

    @property
    def target(self) -> str | None:
        """Returns where models are deployed."""
        section = _known(Deploy, self.config.get("deploy"))
        return section.target if section else None


def _known(section: type[_Section], values: Any) -> _Section | None:
    """Returns a section of a config, which an older or a newer trimtab may have written."""
    if not isinstance(values, dict):
        return None
    try:
        return section.model_validate({name: values[name] for name in section.model_fields if name in values})
    except ValidationError:
        return None
