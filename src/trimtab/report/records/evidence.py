"""What the HTML report shows beyond ``result.json``: curves, trials, timings, statistics of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.deployment import DeploySummary
from trimtab.artifacts.file import FileSummary
from trimtab.artifacts.hyperparameters import Trial, TuneSummary
from trimtab.artifacts.inside import Inside
from trimtab.artifacts.model import Epoch, ModelSummary, TrainSummary
from trimtab.artifacts.record import StageRecord
from trimtab.artifacts.selection import SelectionLineage, SelectSummary
from trimtab.data.champion.drift import DriftReport
from trimtab.data.kinds.histograms import Histogram
from trimtab.report.records.record import in_order, summary


@dataclass(frozen=True)
class History:
    """One training.

    Attributes:
        name: The stage and what it worked on.
        epochs: Numbers per epoch, ``epoch`` (from 1) among them.
        best_epoch: The epoch whose weights were kept, where it was not simply the last.
    """

    name: str
    epochs: list[Epoch]
    best_epoch: int | None


@dataclass(frozen=True)
class Timing:
    """How long a task took, or one branch or candidate in it.

    Attributes:
        stage: The stage.
        name: The stage and what it worked on.
        ok: Whether it ended well.
        is_task: Whether it is a whole task.
        reused: Whether all that it was to make was there.
        skipped: Whether it had nothing to do.
    """

    stage: str
    name: str
    seconds: float
    ok: bool
    is_task: bool = True
    reused: bool = False
    skipped: bool = False


@dataclass(frozen=True)
class Evidence:
    """Everything that a reader may want to check behind the verdict.

    Attributes:
        input_shape: The shape of one example as the model takes it; empty where it takes several inputs.
        inputs: The shapes by input, where it takes several.
        class_counts: Rows per split and class.
        columns: Statistics per column, as ``data_prep`` recorded them.
        histograms: How the training rows are distributed.
        input_kind: What the model takes: `image`, `table` and others.
        drift: New rows against the champion's; None where there is nothing to compare with.
        weights_sha256: The hash of the trained weights.
        histories: The training, and every fine-tuning that recorded its epochs.
        trials: The trials of the search, as ``tune`` recorded them.
        objective: What the trials were judged by.
        best_score: The objective of the best trial.
        timings: Every task that left a record, each before its branches or candidates, in order.
        tracebacks: Where defects of trimtab showed, by stage, candidates that could not be made among them.
        measured_on: The machine and the number of runs behind the latencies.
        version: The version that was deployed, as the repository numbers it.
        lineage: What the chosen candidate was made from; None where nothing was chosen.
        inside: What is inside the baseline and the chosen candidate, by id.
    """

    input_shape: list[int]
    inputs: dict[str, list[int]]
    class_counts: dict[str, dict[str, int]]
    columns: list[dict[str, Any]]
    histograms: list[Histogram]
    input_kind: str
    drift: DriftReport | None
    weights_sha256: str
    histories: list[History]
    trials: list[Trial]
    objective: str
    best_score: float | None
    timings: list[Timing]
    tracebacks: dict[str, str]
    measured_on: str
    version: str
    lineage: SelectionLineage | None
    inside: dict[str, Inside]


def gather_evidence(records: Sequence[StageRecord]) -> Evidence:
    """Returns what the records hold for the report; whatever a stage did not record stays empty."""
    data, search = summary(records, "data_prep", DatasetSummary), summary(records, "tune", TuneSummary)
    trained, deployed = summary(records, "train", TrainSummary), summary(records, "deploy", DeploySummary)
    selected = summary(records, "select", SelectSummary)
    return Evidence(
        input_shape=data.input_shape if data else [],
        inputs=data.inputs if data else {},
        class_counts=data.class_counts if data else {},
        columns=data.columns if data else [],
        histograms=data.histograms if data else [],
        input_kind=data.input_kind if data else "",
        drift=data.drift if data else None,
        weights_sha256=trained.weights_sha256 if trained else "",
        histories=list(_histories(records, trained)),
        trials=search.trials if search else [],
        objective=search.objective if search else "",
        best_score=search.score if search else None,
        timings=[timing for record in in_order(records) for timing in _timings(record, search)],
        tracebacks=dict(_tracebacks(records)),
        measured_on=_measured_on(selected),
        version=str(deployed.version) if deployed else "",
        lineage=selected.lineage if selected else None,
        inside=selected.inside if selected else {},
    )


def _timings(record: StageRecord, search: TuneSummary | None) -> Iterator[Timing]:
    skipped = record.stage == "tune" and search is not None and search.skipped
    yield Timing(record.stage, record.label, record.seconds, record.ok, reused=record.reused, skipped=skipped)
    for entry in record.entries:
        if entry.name:
            name = f"{record.stage} {entry.name}"
            yield Timing(record.stage, name, entry.seconds, entry.ok, is_task=False, reused=entry.reused)


def _histories(records: Sequence[StageRecord], trained: TrainSummary | None) -> Iterator[History]:
    if trained is not None and (epochs := _with_loss(trained.history)):
        yield History("train", epochs, trained.best_epoch)
    for record in in_order(records):
        for entry in record.entries:
            about = entry.read(ModelSummary) or entry.read(FileSummary)
            if entry.name and about is not None and (epochs := _with_loss(about.history)):
                yield History(f"{record.stage} {entry.name}", epochs, None)


def _with_loss(history: list[Epoch]) -> list[Epoch]:
    """Returns the finite numbers of every epoch; none where no loss is among them."""
    epochs = [{name: value for name, value in row.items() if math.isfinite(value)} for row in history]
    return epochs if any("loss" in row for row in epochs) else []


def _tracebacks(records: Sequence[StageRecord]) -> Iterator[tuple[str, str]]:
    for record in in_order(records):
        if record.traceback:
            yield record.label, record.traceback
        for entry in record.entries:
            if entry.traceback:
                yield f"{record.stage} {entry.name}", entry.traceback


def _measured_on(selection: SelectSummary | None) -> str:
    if selection is None:
        return ""
    runs = selection.latency_runs
    return ", ".join(word for word in (selection.cpu, f"{runs:,} runs each" if runs else "") if word)
