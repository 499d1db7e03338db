"""A search to be killed: what it ends with goes to a file of its run's directory."""

from __future__ import annotations

import json
from pathlib import Path

from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.train.workspace import workspace
from trimtab.tune.search import search

OUTCOME = "outcome.json"


def main(dataset: str, run: str, algorithm: str, trials: int) -> None:
    found = searched(Dataset.open(dataset), run, algorithm, trials)
    Path(run, OUTCOME).write_text(json.dumps(found))


def searched(dataset: Dataset, run: str, algorithm: str, trials: int) -> dict[str, object]:
    """Searches, or goes on; returns what it ends with."""
    config = Config.model_validate(
        {
            "data": {"train": "unused"},
            "model": {"architecture": "mlp", "params": {"layers": 1}},
            "train": {"learning_rate": 0.005, "batch_size": 16, "checkpoint_seconds": 0.05},
            "tune": {"algorithm": algorithm, "trials": trials, "epochs": 4, "factor": 2},
        }
    )
    with workspace(run, "tune") as space:
        outcome = search(config, dataset, space)
    trials_found = [[entry.trial, entry.values, entry.score] for entry in outcome.trials]
    return {"best": outcome.best, "score": outcome.score, "trials": trials_found}
