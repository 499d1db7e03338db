"""What Kubeflow's cache may answer: tokens in the place of the run's id, which it would never have seen.

The cache answers for a task whose arguments are those of an earlier one (``trimtab.artifacts.answered``). So
the stages that are cached take a token, and know the run's id by an environment variable, which
`pipelines/resources.py` fills from the pod's label. Where there is no such variable, as in a run on one
machine, there are no tokens: all tasks take the id.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from trimtab import progress
from trimtab.artifacts import answered
from trimtab.artifacts.store import reference
from trimtab.config.config import Config
from trimtab.config.stages import STAGES
from trimtab.deploy.champion import Snapshot
from trimtab.errors import ConfigError
from trimtab.stages import questions
from trimtab.stages.stage import Task

RUN_ID = "TRIMTAB_RUN_ID"
"""The environment variable with the id of the run that a pod belongs to."""

_TRAINING, _CANDIDATES = ("tune", "train", "search"), ("prune", "quantize", "evaluate")


class Prepared(NamedTuple):
    """What the tasks after ``data_prep`` are given.

    Attributes:
        dataset: The reference of the dataset.
        training: By what ``tune`` and ``train`` know the run: a token, or the run's id.
        candidates: By what ``prune``, ``quantize`` and ``evaluate`` do.
    """

    dataset: str
    training: str
    candidates: str


def prepared(run_uri: str, dataset: str) -> Prepared:
    """Returns what the tasks after ``data_prep`` are given.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.
    """
    drawn = answered.read_tokens(run_uri) if _is_known_to_pods(run_uri) else {}
    return Prepared(dataset, *(drawn.get(stages[0], _id(run_uri)) for stages in (_TRAINING, _CANDIDATES)))


def draw(task: Task, config: Config, dataset: str, snapshot: Snapshot | None) -> None:
    """Looks which of the run's questions were answered before, and leaves their tokens in its directory.

    Args:
        task: The task that does, which the cache never answers for.
        config: The config by which the run goes on.
        dataset: The reference of the dataset.
        snapshot: The champion's, in a retraining.
    """
    if not _is_known_to_pods(task.run_uri):
        return
    asked = {
        _TRAINING: questions.training(config, dataset, snapshot),
        _CANDIDATES: questions.candidates(config, dataset, snapshot),
    }
    drawn: dict[str, str] = {}
    for stages, question in asked.items():
        ref = reference(answered.KIND, **question)
        drawn |= dict.fromkeys(stages, answered.token(task.store, task.run_uri, ref))
    answered.write_tokens(task.run_uri, drawn)


def directory(output: str, run: str) -> str:
    """Returns the URI of the run's directory.

    Args:
        output: URI of the directory that holds the runs' directories.
        run: The run's id, or a token.

    Raises:
        SystemExit: If it is a token, and the pod does not know its run.
    """
    if run.startswith(f"{answered.KIND}/"):
        run = os.environ.get(RUN_ID) or _end()
    return f"{output.rstrip('/')}/{run}"


def recall(run_uri: str, stage: str, shards: Sequence[str]) -> None:
    """Leaves the records of the tasks before a stage that were skipped.

    Args:
        run_uri: The URI of the run's directory.
        stage: The stage.
        shards: The shards that it works on.
    """
    tasks = {
        (name, shard)
        for name in takewhile(lambda name: name != stage, STAGES)
        if STAGES[name].is_cached
        for shard in (shards if STAGES[name].is_sharded else [""])
    }
    answered.recall(run_uri, tasks)


def _is_known_to_pods(run_uri: str) -> bool:
    """Returns whether tasks know the run without being told: this one does."""
    return os.environ.get(RUN_ID) == _id(run_uri)


def _id(run_uri: str) -> str:
    return run_uri.rstrip("/").rpartition("/")[2]


def _end() -> str:
    """Ends the task, which has no run's directory that could get a record."""
    error = ConfigError(
        f"the argument `run` is a token, which tells no run, and {RUN_ID} is not set, which would",
        hint="Give this task the run's id, or let kfp-kubernetes set it: "
        f"use_field_path_as_env(task, {RUN_ID!r}, \"metadata.labels['pipeline/runid']\").",
    )
    progress.say("task", f"failed: {error.describe()}")
    sys.exit(error.exit_code)
