"""The ``tune`` stage: a search over the model's and the optimizer's hyper-parameters."""

from __future__ import annotations

import json
from typing import Any

from trimtab import progress
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy.champion import Snapshot
from trimtab.stages.imports import light_imports
from trimtab.stages.stage import recorded
from trimtab.storage import artifact

STAGE = "tune"


def run(*, config: str, run: str, dataset: str, hyperparameters: str, champion: str | None = None) -> None:
    """Searches, and writes the best hyper-parameters as an artifact; with ``tune: null`` it holds none.

    The hyper-parameters of a champion that is retrained are taken as they are.

    Args:
        config: The resolved config as JSON.
        run: The URI of the run's directory.
        dataset: The ``dataset`` artifact to read.
        hyperparameters: The ``hyperparameters`` artifact to write.
        champion: The ``champion`` artifact of a retraining.

    Raises:
        SystemExit: If the data or the model cannot be used; the record says why.
    """
    with recorded(STAGE, run, saves=True) as record:
        parsed = Config.model_validate_json(config)
        best: dict[str, dict[str, Any]] = {}
        snapshot = Snapshot.open(champion) if champion else None
        known = snapshot.record if snapshot else None
        if snapshot is not None and known is not None:
            best = known.hyperparameters
            record.summary = {"skipped": True, "champion": snapshot.plan.version}
            progress.say(STAGE, f"taken from champion v{snapshot.plan.version}: nothing is searched")
        elif parsed.tune is None:
            record.summary = {"skipped": True}
        else:
            with light_imports(scikit_learn=parsed.tune.algorithm == "bayesian"):
                from trimtab.train.workspace import workspace
                from trimtab.tune.search import search

            with workspace(run, STAGE) as space:
                outcome = search(parsed, Dataset.open(dataset), space)
            best, record.summary = outcome.best, outcome.summary()
        with artifact.create(hyperparameters, "hyperparameters") as draft:
            (draft.path / "hyperparameters.json").write_text(json.dumps(best, indent=2))
