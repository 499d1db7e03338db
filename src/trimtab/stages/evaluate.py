"""The evaluate stage: quality and size of every candidate of a shard, on the whole test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import shard as shards
from trimtab.artifacts.evaluation import KIND, Evaluation, read_test
from trimtab.artifacts.file import FileSummary
from trimtab.artifacts.record import of_fold
from trimtab.artifacts.shard import EVALUATED, QUANTIZED, Outcome
from trimtab.artifacts.store import ContentStore, reference
from trimtab.errors import TrimtabError
from trimtab.report.kubeflow import classification_metadata, evaluation_metrics
from trimtab.stages import ahead
from trimtab.stages.entries import Work, obtain
from trimtab.stages.folds import of_folds
from trimtab.stages.stage import Task, recorded
from trimtab.tasks.of_labels import meant

STAGE = "evaluate"


def run(run_uri: str, shard: str, dataset: str, quantized: str) -> str:
    """Evaluates candidates through the runtime that will serve them.

    A candidate that could not be made, that the runtime refuses, or whose outputs are not numbers, is told
    with its reason; the run goes on without it.

    Args:
        run_uri: The URI of the run's directory.
        shard: Such as ``1/2``.
        dataset: The reference of the dataset.
        quantized: The reference of the shard's files.

    Returns:
        The reference of the shard's evaluations by candidate.
    """
    with recorded(STAGE, run_uri, shard) as task:
        files, data = shards.read(task.store, QUANTIZED, quantized), datasets.folds(task.store, dataset)
        _make_together(task, data, files)
        outcomes = {
            name: _of_all(task, name, data, file) if file.ref else file for name, file in files.items()
        }
        ref = shards.write(task.store, EVALUATED, outcomes)
        usable = sum(bool(outcome.ref) for outcome in outcomes.values())
        progress.say(task.label, f"{usable} of {len(outcomes)} candidates are usable")
    return ref


def _make_together(task: Task, data: Sequence[str], files: Mapping[str, Outcome]) -> None:
    """Evaluates the candidates of each runtime in one process."""
    by_runtime: dict[str, list[Work]] = {}
    for name, file in files.items():
        if not file.ref:
            continue
        works = [_work(name, dataset, ref) for dataset, ref in zip(data, file.refs, strict=True)]
        about = FileSummary.model_validate(task.store.open(file.ref, []).manifest.summary)
        by_runtime.setdefault(about.runtime, []).extend(works)
    for works in by_runtime.values():
        ahead.make(task, task.label, works)


def _of_all(task: Task, name: str, data: Sequence[str], file: Outcome) -> Outcome:
    """Evaluates a candidate; with folds, each fold's on its test rows, and then all of them as one."""
    if len(data) == 1:
        return _evaluated(task, name, data[0], file.ref)

    outcome = of_folds(partial(_of_fold, task, name), data, file.refs)
    if not outcome.ref:
        return outcome
    ref = reference(KIND, folds=outcome.refs)
    return _told(task, Work(ref, f"{STAGE} {name}", "pooled", (outcome.refs,)), name)


def _of_fold(task: Task, name: str, fold: int, dataset: str, file: str) -> Outcome:
    return _evaluated(task, of_fold(name, fold), dataset, file)


def run_and_show(
    directory: str, shard: str, dataset: str, quantized: str
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Returns what ``run`` returns, given the same, and what ``shown`` makes of it."""
    ref = run(directory, shard, dataset, quantized)
    return ref, *shown(directory, dataset, ref)


def shown(run_uri: str, dataset: str, evaluated: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns what Kubeflow's own UI shows of a shard; nothing, if it cannot be read: it is no result.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.
        evaluated: What ``run`` returned.

    Returns:
        Metrics of every candidate by name; confusion matrix and ROC curve of the best one.
    """
    try:
        return _shown(ContentStore(run_uri), dataset, evaluated)
    except TrimtabError as error:
        progress.say(STAGE, f"Kubeflow's UI shows no metrics: {error.message}")
        return {}, {}


def _shown(store: ContentStore, dataset: str, evaluated: str) -> tuple[dict[str, Any], dict[str, Any]]:
    outcomes = shards.read(store, EVALUATED, evaluated)
    entries = {name: store.open(outcome.ref) for name, outcome in outcomes.items() if outcome.ref}
    evaluations = {name: Evaluation.model_validate(entry.manifest.summary) for name, entry in entries.items()}
    if not evaluations:
        return {}, {}
    best = min(
        evaluations,
        key=lambda name: evaluations[name].headline.cost(
            evaluations[name].metrics[evaluations[name].headline.metric]
        ),
    )
    data = datasets.pooled(store, dataset)
    own_schema = data.schema.with_thresholds(evaluations[best].thresholds)
    judging = meant(data.schema).judging
    answers = np.asarray(read_test(entries[best].path).answers)
    view = judging.view(answers, data.labels(), data.schema, own_schema)
    metadata = classification_metadata(evaluations[best], judging.form, view, data.schema.classes)
    return evaluation_metrics(evaluations), metadata


def _evaluated(task: Task, name: str, dataset: str, file: str) -> Outcome:
    return _told(task, _work(name, dataset, file), name)


def _work(name: str, dataset: str, file: str) -> Work:
    ref = reference(KIND, dataset=dataset, file=file)
    return Work(ref, f"{STAGE} {name}", "evaluated", (dataset, file))


def _told(task: Task, work: Work, name: str) -> Outcome:
    label, entry = work.label, obtain(task, work, name)
    evaluation = entry.read(Evaluation)
    if evaluation is None:
        progress.say(label, f"not usable: {entry.reason.splitlines()[0]}")
        return Outcome(reason=entry.reason)
    progress.say(label, _in_a_line(evaluation))
    return Outcome(ref=work.ref)


def _in_a_line(evaluation: Evaluation) -> str:
    name = evaluation.headline.metric
    size = f"{evaluation.size_bytes / 1000:,.1f} kB"
    return f"{name} {evaluation.metrics[name]:.4g} on {evaluation.examples:,} test examples, {size}"
