"""The evaluate stage: quality and size of every candidate of a shard, on the whole test split."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import shard as shards
from trimtab.artifacts.evaluation import KIND, Evaluation
from trimtab.artifacts.record import of_fold
from trimtab.artifacts.shard import EVALUATED, QUANTIZED, Outcome
from trimtab.artifacts.store import reference
from trimtab.stages.entries import Work, obtain
from trimtab.stages.folds import of_folds
from trimtab.stages.stage import Task, recorded

STAGE = "evaluate"


def run(run: str, shard: str, dataset: str, quantized: str) -> str:
    """Evaluates candidates through the runtime that will serve them.

    A candidate that could not be made, that the runtime refuses, or whose outputs are not numbers, is told
    with its reason; the run goes on without it.

    Args:
        run: The URI of the run's directory.
        shard: Such as ``1/2``.
        dataset: The reference of the dataset.
        quantized: The reference of the shard's files.

    Returns:
        The reference of the shard's evaluations by candidate.
    """
    with recorded(STAGE, run, shard) as task:
        files, data = shards.read(task.store, QUANTIZED, quantized), datasets.folds(task.store, dataset)
        outcomes = {
            name: _of_all(task, name, data, file) if file.ref else file for name, file in files.items()
        }
        ref = shards.write(task.store, EVALUATED, outcomes)
        usable = sum(bool(outcome.ref) for outcome in outcomes.values())
        progress.say(task.label, f"{usable} of {len(outcomes)} candidates are usable")
    return ref


def _of_all(task: Task, name: str, data: Sequence[str], file: Outcome) -> Outcome:
    """Evaluates a candidate; with folds, each fold's on its test rows, and then all of them as one."""
    if len(data) == 1:
        return _evaluated(task, name, data[0], file.ref)

    found = of_folds(partial(_of_fold, task, name), data, file.refs)
    if not found.ref:
        return found
    ref = reference(KIND, folds=found.refs)
    return _told(task, Work(ref, f"{STAGE} {name}", "pooled", (found.refs,)), name)


def _of_fold(task: Task, name: str, fold: int, dataset: str, file: str) -> Outcome:
    return _evaluated(task, of_fold(name, fold), dataset, file)


def _evaluated(task: Task, name: str, dataset: str, file: str) -> Outcome:
    ref = reference(KIND, dataset=dataset, file=file)
    return _told(task, Work(ref, f"{STAGE} {name}", "evaluated", (dataset, file)), name)


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
