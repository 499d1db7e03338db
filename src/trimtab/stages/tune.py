"""The ``tune`` stage: a search over the model's and the optimizer's hyper-parameters."""

from __future__ import annotations

import json
from typing import Any

from trimtab.config.config import Config
from trimtab.data.dataset import Dataset
from trimtab.stages.imports import light_imports
from trimtab.stages.stage import recorded
from trimtab.storage import artifact

STAGE = "tune"


def run(*, config: str, run: str, dataset: str, hyperparameters: str) -> None:
    """Searches, and writes the best hyper-parameters as an artifact; with ``tune: null`` it holds none.

    Args:
        config: The resolved config as JSON.
        run: The URI of the run's directory.
        dataset: The ``dataset`` artifact to read.
        hyperparameters: The ``hyperparameters`` artifact to write.

    Raises:
        SystemExit: If the data or the model cannot be used; the record says why.
    """
    with recorded(STAGE, run, saves=True) as record:
        parsed = Config.model_validate_json(config)
        best: dict[str, dict[str, Any]] = {}
        if parsed.tune is None:
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
