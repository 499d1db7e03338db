"""Makes hyper-parameters by a search."""

from __future__ import annotations

from dataclasses import asdict

from trimtab.artifacts import dataset, hyperparameters
from trimtab.artifacts.hyperparameters import Hyperparameters, Trial, TuneSummary
from trimtab.artifacts.store import ContentStore
from trimtab.stages import settings
from trimtab.train.workspace import workspace
from trimtab.tune.search import search


def make(run_uri: str, ref: str, label: str, dataset_ref: str) -> None:
    """Searches, and keeps the best hyper-parameters.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage, and the fold if it is not the first.
        dataset_ref: The dataset.
    """
    store, config = ContentStore(run_uri), settings.of(run_uri)
    data = dataset.read(store, dataset_ref, ["train", "validation"])
    stage, _, fold = label.partition(" ")
    with workspace(run_uri, stage, fold) as space:
        outcome = search(config, data, space)
    best = Hyperparameters.model_validate(outcome.best)
    summary = TuneSummary(
        objective=outcome.objective,
        score=outcome.score,
        best=best,
        trials=[Trial.model_validate(asdict(entry)) for entry in outcome.trials],
    )
    with store.create(ref) as draft:
        hyperparameters.write(draft, best, summary)
