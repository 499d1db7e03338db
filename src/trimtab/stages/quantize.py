"""The quantize stage: the files of every candidate of a shard.

A candidate that cannot be made is told with its reason, and fails no stage; only the baseline must not fail.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import partial

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import shard as shards
from trimtab.artifacts.file import KIND
from trimtab.artifacts.model import ModelSummary
from trimtab.artifacts.record import EntryRecord, of_fold
from trimtab.artifacts.shard import PRUNED, QUANTIZED, Outcome
from trimtab.artifacts.store import reference
from trimtab.config.chains import BASELINE, Branch, Ending
from trimtab.config.chains import shard as branches_of
from trimtab.config.config import Config
from trimtab.errors import CompressionError, ModelError
from trimtab.registry import PASSES
from trimtab.stages import ahead, questions, rehearsal, settings
from trimtab.stages.entries import Work, obtain, require
from trimtab.stages.folds import of_folds
from trimtab.stages.stage import Task, recorded

STAGE = "quantize"
_MOST_PARAMETERS = 10_000_000
"""Of a model whose files are made in one process: the memory for those of a larger one is not to add up."""


def run(run_uri: str, shard: str, dataset: str, pruned: str) -> str:
    """Makes the candidates of a shard.

    Args:
        run_uri: The URI of the run's directory.
        shard: Such as ``1/2``.
        dataset: The reference of the dataset.
        pruned: The reference of the shard's models.

    Returns:
        The reference of the shard's files by candidate.
    """
    with recorded(STAGE, run_uri, shard) as task:
        config, outcomes = settings.decided(run_uri), {}
        rehearsed = rehearsal.known(task, config, dataset)
        models, data = shards.read(task.store, PRUNED, pruned), datasets.folds(task.store, dataset)
        for branch in branches_of(config.branches(), shard):
            model = models[branch.id]
            if model.ref:
                make_together(task, config, branch, rehearsed.candidates, data, model.refs)
            for ending in branch.endings:
                if model.ref and (reason := rehearsed.candidates.get(ending.candidate)):
                    rehearsal.leave_out(task, ending.candidate, reason)
                    outcomes[ending.candidate] = Outcome(reason=reason)
                    continue
                make = partial(quantized_file, task, config, ending)
                outcomes[ending.candidate] = of_folds(make, data, model.refs) if model.ref else model
        ref = shards.write(task.store, QUANTIZED, outcomes)
        count = sum(bool(outcome.ref) for outcome in outcomes.values())
        progress.say(task.label, f"{count} of {len(outcomes)} candidates")
    return ref


def quantized_file(
    task: Task, config: Config, ending: Ending, fold: int, dataset: str, model: str
) -> Outcome:
    """Makes the files of a candidate, unless they are there.

    Args:
        task: The task, whose record gets what is made.
        config: The config of the run.
        ending: How, and for which runtime.
        fold: From 0.
        dataset: The reference of the fold's dataset.
        model: The reference of the model.
    """
    name = of_fold(ending.candidate, fold) if fold else ending.candidate
    work = _work(task, config, ending, name, dataset, model)
    is_baseline = ending.candidate == BASELINE
    entry = _baseline(task, work, name) if is_baseline else obtain(task, work, name)
    return Outcome(ref=work.ref) if entry.ok else Outcome(reason=entry.reason)


def make_together(
    task: Task,
    config: Config,
    branch: Branch,
    left_out: Container[str],
    data: Sequence[str],
    models: Sequence[str],
) -> None:
    """Makes the files of a branch in one process, but for those that are trained for: that takes long.

    Args:
        task: The task, which keeps how each ended.
        config: The config of the run.
        branch: The branch, with the endings to make.
        left_out: Candidates not to make.
        data: The reference of each fold's dataset.
        models: The reference of each fold's model.
    """
    about = [_about(task, model) for model in models]
    if not all(each and each.cost.parameters <= _MOST_PARAMETERS for each in about):
        return
    endings = [
        ending
        for ending in branch.endings
        if ending.step.name not in PASSES and ending.candidate not in left_out
    ]
    ahead.make(
        task,
        f"{STAGE} {branch.id}",
        [
            _work(task, config, ending, ending.candidate, dataset, model)
            for ending in endings
            for dataset, model in zip(data, models, strict=True)
        ],
    )


def _work(task: Task, config: Config, ending: Ending, name: str, dataset: str, model: str) -> Work:
    """Returns what makes the files of a candidate, of one fold's model."""
    ref = reference(
        KIND,
        dataset=dataset,
        model=model,
        **questions.step(ending.step),
        runtime=ending.runtime,
        train=questions.train(config),
    )
    about = _about(task, model)
    module = "requantized" if about is not None and about.runtime else "quantized"
    return Work(ref, f"{STAGE} {name}", module, (model, ending))


def _about(task: Task, model: str) -> ModelSummary | None:
    """Returns what is known of a model; None: it is not there, as its maker will say."""
    entry = task.store.find(model)
    return None if entry is None else ModelSummary.model_validate(entry.summary)


def _baseline(task: Task, work: Work, name: str) -> EntryRecord:
    """Makes the baseline, whose failure is the run's: the model cannot be served at all."""
    try:
        return require(task, work, name)
    except CompressionError as error:
        raise ModelError(error.message, field=error.field, hint=error.hint) from error
