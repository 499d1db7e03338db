"""What the HTML report shows beyond ``result.json``: curves, trials, timings, statistics of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from trimtab.data.champion.drift import DriftReport
from trimtab.report.records.record import Record, in_order, label, summary


@dataclass(frozen=True)
class History:
    """One training.

    Attributes:
        name: The stage and what it worked on.
        epochs: A dict of numbers per epoch, ``epoch`` (from 1) among them.
        best_epoch: The epoch whose weights were kept, where it was not simply the last.
    """

    name: str
    epochs: list[dict[str, float]]
    best_epoch: int | None


@dataclass(frozen=True)
class Timing:
    """How long a stage took, whether it ended well, and whether it had nothing to do."""

    name: str
    seconds: float
    ok: bool
    skipped: bool


@dataclass(frozen=True)
class Evidence:
    """Everything that a reader may want to check behind the verdict.

    Attributes:
        input_shape: The shape of one example as the model takes it.
        class_counts: Rows per split and class.
        columns: Statistics per column, as ``data_prep`` recorded them.
        drift: New rows against the champion's; None where there is nothing to compare with.
        weights_sha256: The hash of the trained weights.
        histories: The training, and every fine-tuning that recorded its epochs.
        trials: The trials of the search, as ``tune`` recorded them.
        objective: What the trials were judged by.
        best_score: The objective of the best trial.
        timings: Every stage that left a record, in the order of the pipeline.
        warnings: What the stages warn of, each once.
        tracebacks: Where defects of trimtab showed, by stage, candidates that could not be made among them.
        measured_on: The machine and the number of runs behind the latencies.
        version: The version that was deployed, as the repository numbers it.
    """

    input_shape: list[int]
    class_counts: dict[str, dict[str, int]]
    columns: list[dict[str, Any]]
    drift: DriftReport | None
    weights_sha256: str
    histories: list[History]
    trials: list[dict[str, Any]]
    objective: str
    best_score: float | None
    timings: list[Timing]
    warnings: list[str]
    tracebacks: dict[str, str]
    measured_on: str
    version: str


def gather_evidence(records: Sequence[Record]) -> Evidence:
    """Returns what the records hold for the report; whatever a stage did not record stays empty."""
    data, search = summary(records, "data_prep"), summary(records, "tune")
    return Evidence(
        input_shape=data.get("input_shape") or [],
        class_counts=data.get("class_counts") or {},
        columns=data.get("columns") or [],
        drift=_drift(data.get("drift")),
        weights_sha256=str(summary(records, "train").get("weights_sha256") or ""),
        histories=list(_histories(records)),
        trials=search.get("trials") or [],
        objective=str(search.get("objective") or ""),
        best_score=search.get("score"),
        timings=[
            Timing(label(r), r.seconds, r.ok, bool(r.summary.get("skipped"))) for r in in_order(records)
        ],
        warnings=list(_warnings(records)),
        tracebacks=dict(_tracebacks(records)),
        measured_on=_measured_on(summary(records, "select")),
        version=str(summary(records, "deploy").get("version") or ""),
    )


def _drift(found: Any) -> DriftReport | None:
    """Returns what data_prep measured; what cannot be read does not keep the rest from being shown."""
    try:
        return DriftReport.model_validate(found) if found else None
    except ValidationError:
        return None


def _histories(records: Sequence[Record]) -> Iterator[History]:
    for record in in_order(records):
        history = record.summary.get("history")
        epochs = history.get("epochs") if isinstance(history, dict) else history
        if isinstance(epochs, list):
            rows = [_numbers(row) for row in epochs if isinstance(row, dict)]
            if any("loss" in row for row in rows):
                yield History(label(record), rows, record.summary.get("best_epoch"))


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    """Returns the finite numbers of an epoch: a loss that is not a number has no place on a curve."""
    return {
        key: float(value)
        for key, value in row.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _warnings(records: Sequence[Record]) -> Iterator[str]:
    seen: set[str] = set()
    for record in in_order(records):
        for warning in record.summary.get("warnings") or []:
            text = str(warning) if record.stage == "data_prep" else f"{label(record)}: {warning}"
            if text not in seen:
                seen.add(text)
                yield text


def _tracebacks(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    for record in in_order(records):
        found = record.traceback or record.summary.get("traceback")
        if found:
            yield label(record), str(found)


def _measured_on(found: dict[str, Any]) -> str:
    runs = found.get("latency_runs")
    words = [str(found["cpu"]) if found.get("cpu") else "", f"{runs:,} runs each" if runs else ""]
    return ", ".join(word for word in words if word)
