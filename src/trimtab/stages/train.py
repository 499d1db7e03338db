"""The ``train`` stage: from a dataset and hyper-parameters to a trained model."""

from __future__ import annotations

from typing import Any

from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.model import KIND, TrainSummary
from trimtab.artifacts.record import of_fold
from trimtab.artifacts.store import reference
from trimtab.config.config import Config
from trimtab.deploy.champion import Snapshot
from trimtab.runtimes import sources
from trimtab.stages import questions, rehearsal, settings, snapshot, tune
from trimtab.stages.entries import Work, require
from trimtab.stages.stage import recorded

STAGE = "train"


def run(run_uri: str, dataset: str, hyperparameters: str = "") -> str:
    """Trains the config's model; with ``train.epochs: 0`` an archive is taken as it came.

    Recipes that are searched for are found here, too: in the place where models are trained.

    A model from an archive starts from the archive's weights, and a retrained one from the champion's as long
    as the data and the architecture are still the same.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.
        hyperparameters: The reference of the hyper-parameters; empty: nobody searched for any.

    Returns:
        The reference of the model, with folds of the first one's, which ships.

    Raises:
        SystemExit: If the data, the model or the training cannot be used; the record says why.
    """
    with recorded(STAGE, run_uri) as task:
        config = settings.of(run_uri)
        hyperparameters = hyperparameters or tune.nothing_searched(task)
        question = _question(config, snapshot.retrained(run_uri))
        is_searched = config.tune is not None and hyperparameters == tune.searched(config, dataset)
        asked = [
            (data, tune.searched(config, data) if is_searched else hyperparameters)
            for data in datasets.folds(task.store, dataset)
        ]
        refs = [reference(KIND, dataset=data, hyperparameters=values, **question) for data, values in asked]
        if task.store.find(refs[0]) is None:
            rehearsal.rehearse(task, config, dataset)
        module = "imported" if sources.own_runtime(config.model.archive) else "trained"
        for fold, (ref, given) in enumerate(zip(refs, asked, strict=True)):
            name = of_fold("", fold) if fold else ""
            others = [] if fold else refs[1:]
            work = Work(ref, f"{STAGE} {name}".strip(), module, (*given, others))
            entry = require(task, work, name)
            for warning in TrainSummary.model_validate(entry.summary).warnings:
                task.warn(f"{name}: {warning}" if name else warning)
    if settings.asked(run_uri).is_searched:
        from trimtab.stages import search  # where recipes are given, its imports would be for nothing

        search.run(run_uri, dataset, refs[0])
    return refs[0]


def _question(config: Config, snapshot: Snapshot | None) -> dict[str, Any]:
    """Returns all that a trained model depends on, beside its inputs."""
    start = None
    if snapshot is not None:
        start = {"champion": snapshot.plan, "of": snapshot.digests, "epochs": config.retrain.epochs}
    return {
        "model": questions.model(config),
        "train": questions.train(config),
        "seed": config.seed,
        "start": start,
    }
