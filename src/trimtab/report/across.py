"""Several runs side by side: what each chose, what that costs, and in what their configs differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from trimtab.artifacts.evaluation import HeadlineValue
from trimtab.report.result import Result, Status
from trimtab.report.words import numbers
from trimtab.report.words.headline import headline
from trimtab.report.words.verdict import find_candidate

HEADINGS = ("Run", "Outcome", "Chosen", "Quality", "Loss alone ≤", "kB", "ms", "Times as fast", "Took")
TEXTS = frozenset({"Run", "Outcome", "Chosen"})
_NO_DIFFERENCE = frozenset({"name"})


class RunOutcome(BaseModel):
    """One run."""

    run_id: str = Field(description="The name of the run's directory.")
    status: Status
    told: str = Field(description="The outcome in a few words.")
    chosen: str | None = Field(None, description="The candidate; null: none.")
    quality: HeadlineValue | None = Field(
        None, description="Of the chosen candidate, on the run's test rows."
    )
    loss_at_most: float | None = Field(
        None, description="Upper limit of its loss against the run's own baseline, as if it were alone."
    )
    confidence: float | None = Field(None, description="Of what is proven; null: nothing is.")
    size_bytes: int | None = Field(None, description="Bytes of the model file.")
    latency_ms: float | None = Field(None, description="Median milliseconds, as the run measured them.")
    speedup: float | None = Field(
        None, description="How many times as fast as the run's baseline, beside which it was measured."
    )
    seconds: float = Field(description="Of all tasks together.")
    deployed: str | None = Field(None, description="The URI of the deployed version.")
    data: str = Field("", description="The fingerprint of the data.")


class Across(BaseModel):
    """What `trimtab compare --json` prints."""

    runs: list[RunOutcome]
    differences: dict[str, list[Any]] = Field(
        description="Fields of the config in which the runs differ, with each run's value."
    )
    cautions: list[str] = Field(description="What must not be compared, in words.")


def across(results: Sequence[Result]) -> Across:
    """Returns runs side by side.

    Args:
        results: Their outcomes.
    """
    runs = [_outcome(result) for result in results]
    return Across(runs=runs, differences=differences(results), cautions=list(_cautions(runs)))


def differences(results: Sequence[Result]) -> dict[str, list[Any]]:
    """Returns the fields of the configs in which runs differ, each with the value of every run."""
    flat = [dict(_flatten(result.config)) for result in results]
    names = dict.fromkeys(name for config in flat for name in config)
    rows = {name: [config.get(name) for config in flat] for name in names if name not in _NO_DIFFERENCE}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}


def cells(run: RunOutcome) -> list[str]:
    """Returns what a table says of a run, under ``HEADINGS``."""
    quality = f"{run.quality.name} {numbers.quality(run.quality)}" if run.quality else numbers.ABSENT
    unit = run.quality.unit if run.quality else ""
    loss = numbers.ABSENT if run.loss_at_most is None else f"{numbers.points(run.loss_at_most)} {unit}"
    return [
        run.run_id,
        run.status.replace("_", " "),
        run.chosen or numbers.ABSENT,
        quality,
        loss,
        numbers.kilobytes(run.size_bytes),
        numbers.milliseconds(run.latency_ms),
        numbers.decimal(run.speedup, 2),
        numbers.duration(run.seconds),
    ]


def _outcome(result: Result) -> RunOutcome:
    chosen, baseline = find_candidate(result, result.chosen), result.baseline
    latency = chosen.latency_ms.p50 if chosen and chosen.latency_ms else None
    before = baseline.latency_ms.p50 if baseline and baseline.latency_ms else None
    return RunOutcome(
        run_id=result.run_id,
        status=result.status,
        told=headline(result),
        chosen=result.chosen,
        quality=chosen.quality if chosen else None,
        loss_at_most=chosen.drop.upper_bound if chosen and chosen.drop else None,
        confidence=result.proof.confidence if result.proof and result.proof.proven else None,
        size_bytes=chosen.size_bytes if chosen else None,
        latency_ms=latency,
        speedup=before / latency if before and latency else None,
        seconds=sum(task.seconds for task in result.tasks),
        deployed=result.deployed,
        data=result.data.fingerprint if result.data else "",
    )


def _cautions(runs: Sequence[RunOutcome]) -> Iterator[str]:
    if len({run.data for run in runs if run.data}) > 1:
        yield "The runs had other data: qualities on other test rows are no measure of the models."
    if len({run.quality.metric for run in runs if run.quality}) > 1:
        yield "The runs were judged by other metrics."
    if any(run.loss_at_most is not None for run in runs):
        yield (
            "“Loss alone ≤” is the upper confidence limit of the loss, were the candidate the only one; what "
            "holds of one that was chosen among several is in its run's report."
        )
    if sum(run.latency_ms is not None for run in runs) > 1:
        yield (
            "Milliseconds were measured at other times, maybe on other machines. What can be compared is how "
            "many times as fast as its own baseline each is."
        )


def _flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
