"""A search over the model's and the optimizer's hyper-parameters, judged on the validation split alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner

from trimtab import progress
from trimtab.config.config import Config
from trimtab.config.tune import Tune
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ConfigError, TrainingError
from trimtab.models import registry
from trimtab.tasks.of_labels import meant
from trimtab.train.settings import TrainSettings
from trimtab.train.spec import model_spec
from trimtab.train.workspace import Workspace
from trimtab.tune.journal import Entry, Journal
from trimtab.tune.oracles import EPOCHS, oracle
from trimtab.tune.tuner import Tuner, unwrapped_errors

STAGE = "tune"
OPTIMIZER, OWN = "optimizer/", "tuner/"
_LARGEST_RATE, _RATE_SPAN = 1.0, 10.0


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes:
        objective: What the trials were judged by.
        best: ``{"model": {...}, "optimizer": {...}}`` of the best trial.
        score: Its objective.
        trials: All trials in order.
    """

    objective: str
    best: dict[str, dict[str, Any]]
    score: float
    trials: list[Entry]


def search(config: Config, dataset: Dataset, workspace: Workspace) -> Outcome:
    """Runs the search that the config asks for; a search that was killed goes on where it was.

    Hyperband's trials train from scratch at every rung, so that the learning-rate schedule always runs to its
    end.

    Args:
        config: The resolved config, with a ``tune`` section.
        dataset: The dataset artifact.
        workspace: The search's directories.

    Raises:
        ConfigError: If the config does not fit the data, or there are no validation rows.
        ModelError: If the model cannot be built.
        TrainingError: If every trial failed.
    """
    tune, judging = config.tune, meant(dataset.schema).judging
    assert tune is not None
    if not dataset.rows.get("validation"):
        raise ConfigError("a search needs validation rows, and there are none", field="tune")
    tuner = Tuner(
        oracle=oracle(tune, None if dataset.schema.parts else judging.headline, config.seed),
        build=lambda hp: _build(config, dataset, hp),
        settings=lambda hp: _settings(config, tune, dataset, hp),
        dataset=dataset,
        journal=Journal(workspace.checkpoints / "trials", _binding(config, dataset), _say),
        workspace=workspace,
        say=_say,
    )
    objective = tuner.oracle.objective.name
    with unwrapped_errors(tuner):
        tuner.search()
    return _outcome(tuner, objective)


def _outcome(tuner: Tuner, objective: str) -> Outcome:
    scored = [entry for entry in tuner.entries if entry.score is not None]
    if not scored:
        reason = tuner.entries[0].reason if tuner.entries else "the space is empty"
        raise TrainingError(f"no trial of the search succeeded; the first one: {reason}", field="tune")
    sign = 1 if tuner.oracle.objective.direction == "max" else -1
    best = max(scored, key=lambda entry: sign * (entry.score or 0.0))
    values = {
        "model": {n: v for n, v in best.values.items() if not n.startswith((OPTIMIZER, OWN))},
        "optimizer": {
            n.removeprefix(OPTIMIZER): v for n, v in best.values.items() if n.startswith(OPTIMIZER)
        },
    }
    return Outcome(objective, values, best.score or 0.0, tuner.entries)


def _build(config: Config, dataset: Dataset, hp: keras_tuner.HyperParameters) -> keras.Model:
    """Builds the model, and asks for the optimizer's hyper-parameters in passing."""
    rate = config.train.learning_rate
    hp.Float(
        f"{OPTIMIZER}learning_rate",
        rate / _RATE_SPAN,
        max(rate, min(rate * _RATE_SPAN, _LARGEST_RATE)),
        sampling="log",
        default=rate,
    )
    if config.train.optimizer == "adamw":
        hp.Float(
            f"{OPTIMIZER}weight_decay", 1e-5, 0.1, sampling="log", default=config.train.weight_decay or 0.004
        )
    return registry.build(config.model, model_spec(dataset.schema), hp)


def _settings(config: Config, tune: Tune, dataset: Dataset, hp: keras_tuner.HyperParameters) -> TrainSettings:
    optimizer = {n.removeprefix(OPTIMIZER): v for n, v in hp.values.items() if n.startswith(OPTIMIZER)}
    return TrainSettings.of(
        config, dataset, {**optimizer, "epochs": hp.values.get(EPOCHS, tune.epochs), "profile": None}
    )


def _binding(config: Config, dataset: Dataset) -> dict[str, str]:
    sections = config.model_dump_json(include={"seed", "model", "train", "tune"})
    return {"search": hashlib.sha256(sections.encode()).hexdigest(), "data": dataset.digest}


def _say(text: str) -> None:
    progress.say(STAGE, text)
