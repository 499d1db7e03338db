"""A search in a process of its own, to be killed: ``python searchable.py DATASET RUN ALGORITHM TRIALS``."""

from __future__ import annotations

import json
import sys

from trimtab.config.config import Config
from trimtab.data.dataset import Dataset
from trimtab.train.workspace import workspace
from trimtab.tune.search import search


def main(dataset: str, run: str, algorithm: str, trials: str) -> None:
    config = Config.model_validate(
        {
            "data": {"train": "unused"},
            "model": {"architecture": "mlp"},
            "train": {"learning_rate": 0.005, "batch_size": 16, "checkpoint_seconds": 0.05},
            "tune": {"algorithm": algorithm, "trials": int(trials), "epochs": 4, "factor": 2},
        }
    )
    with workspace(run, "tune") as space:
        outcome = search(config, Dataset.open(dataset), space)
    trials_found = [(entry.trial, entry.values, entry.score) for entry in outcome.trials]
    sys.stdout.write(json.dumps({"best": outcome.best, "score": outcome.score, "trials": trials_found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
