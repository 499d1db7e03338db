"""The ``tune`` stage: a search over the model's and the optimizer's hyper-parameters."""

from __future__ import annotations

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import hyperparameters
from trimtab.artifacts.hyperparameters import KIND, Hyperparameters, TuneSummary
from trimtab.artifacts.record import EntryRecord, of_fold
from trimtab.artifacts.store import reference
from trimtab.config.config import Config
from trimtab.stages import questions, rehearsal, settings
from trimtab.stages import snapshot as snapshots
from trimtab.stages.entries import Work, require
from trimtab.stages.stage import Task, recorded

STAGE = "tune"


def run(run_uri: str, dataset: str) -> str:
    """Searches for the best hyper-parameters; with ``tune: null`` there are none.

    The hyper-parameters of a champion that is retrained are taken as they are.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.

    Returns:
        The reference of the hyper-parameters, with folds of those for the first one.

    Raises:
        SystemExit: If the data or the model cannot be used; the record says why.
    """
    with recorded(STAGE, run_uri) as task:
        config, snapshot = settings.of(run_uri), snapshots.retrained(run_uri)
        known = snapshot.record if snapshot else None
        if snapshot is not None and known is not None:
            progress.say(STAGE, f"taken from champion v{snapshot.plan.version}: nothing is searched")
            summary = TuneSummary(skipped=True, champion=snapshot.plan.version)
            return _given(task, Hyperparameters.model_validate(known.hyperparameters), summary)
        if config.tune is None:
            return _given(task, Hyperparameters(), TuneSummary(skipped=True))
        if task.store.find(searched(config, dataset)) is None:
            rehearsal.rehearse(task, config, dataset)
        by_scikit_learn = config.searches_by_scikit_learn
        for fold, data in enumerate(datasets.folds(task.store, dataset)):
            # Another search for each: no fold's model may hang on the rows that it is tested on.
            name = of_fold("", fold) if fold else ""
            label = f"{STAGE} {name}".strip()
            work = Work(
                searched(config, data), label, "hyperparameters", (data,), scikit_learn=by_scikit_learn
            )
            require(task, work, name)
    return searched(config, dataset)


def searched(config: Config, dataset: str) -> str:
    """Returns the reference of what a search on a dataset finds."""
    return reference(
        KIND,
        dataset=dataset,
        model=questions.model(config),
        tune=config.tune,
        train=questions.train(config),
        seed=config.seed,
    )


def nothing_searched(task: Task) -> str:
    """Keeps that no hyper-parameters were searched for, and returns the reference of that."""
    return _stored(task, Hyperparameters(), TuneSummary(skipped=True))


def _given(task: Task, values: Hyperparameters, summary: TuneSummary) -> str:
    """Keeps hyper-parameters that no search found."""
    ref = _stored(task, values, summary)
    task.summarize(summary)
    return ref


def _stored(task: Task, values: Hyperparameters, summary: TuneSummary) -> str:
    ref = reference(KIND, values=values)
    is_there = task.store.find(ref) is not None
    if not is_there:
        with task.store.create(ref) as draft:
            hyperparameters.write(draft, values, summary)
    task.add(EntryRecord(reused=is_there))
    return ref
