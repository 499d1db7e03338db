"""The parts of the config that entries of the content store, and answers of tasks, depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trimtab.config.chains import Step
from trimtab.config.config import Config
from trimtab.config.errors_learnt import errors_learnt
from trimtab.config.fine_tuning import BASELINE, Teacher
from trimtab.config.train import NO_WEIGHT
from trimtab.data.prepare.sources import checksums_of
from trimtab.deploy.champion import Snapshot
from trimtab.runtimes import sources
from trimtab.storage.objects.location import is_remote


def model(config: Config) -> dict[str, Any]:
    """Returns what a model is built from; an archive is told by its content, wherever it lies."""
    section = config.model.model_dump(mode="json", exclude={"archive", "limits"})
    parts = sources.parts(config.model.archive) if config.model.archive else []
    files = [part for part in (config.model.preset, config.model.weights) if part and _is_place(part)]
    if files:
        section |= {"preset": None, "weights": None, "files": [checksums_of(part) for part in files]}
    return {**section, "archive": [sorted(checksums_of(part).values()) for part in parts]}


def _is_place(preset: str) -> bool:
    """Returns whether it is files, and no name."""
    return is_remote(preset) or Path(preset).exists()


def train(config: Config) -> dict[str, Any]:
    """Returns what a training depends on."""
    section = config.train.model_dump(mode="json", exclude=set(NO_WEIGHT))
    return section | teacher(config.train.teacher) | {"errors": errors_learnt(config.train, config.budget)}


def teacher(settings: Teacher | None) -> dict[str, Any]:
    """Returns what tells a saved teacher by its content; nothing where it is the baseline."""
    if settings is None or settings.model == BASELINE:
        return {}
    return {"taught_by": sorted(checksums_of(settings.model).values())}


def step(step: Step) -> dict[str, Any]:
    """Returns what a step is, and whose answers it learns by."""
    return {"step": step.to_json(), **teacher(getattr(step.params, "teacher", None))}


_NO_PART = {"search", "budget", "proof", "deploy", "resources", "tensorboard", "notify", "kubeflow"}
"""Sections of the config that have no part in what ``is_cached`` stages answer; of the budget, some has."""
_NOT_JUDGED = {"objective", "threads", "proof", "min_speedup", "max_latency_ms", "max_size_kb", "size"}
"""Fields of the budget that let no branch go: those are judged once latencies are measured."""


def training(config: Config, dataset: str, snapshot: Snapshot | None) -> dict[str, Any]:
    """Returns all that ``tune`` and ``train`` depend on.

    What is not known to have no part has one: to ask anew costs a pod, and what is old would be wrong.

    Args:
        config: The config by which the run goes on.
        dataset: The reference of the dataset.
        snapshot: The champion's, in a retraining.
    """
    return {
        "dataset": dataset,
        "config": config.model_dump(mode="json", exclude=_NO_PART | {"recipes", "runtimes", "train"}),
        "train": train(config),
        "model": model(config),
        "champion": {"plan": snapshot.plan, "of": snapshot.digests} if snapshot else None,
        **_searched(config),
    }


def _searched(config: Config) -> dict[str, Any]:
    """Returns what a search for recipes depends on, which the task that trains does: the whole budget."""
    if not config.is_searched:
        return {}
    return {"searched": config.model_dump(mode="json", include={"search", "runtimes", "budget"})}


def candidates(config: Config, dataset: str, snapshot: Snapshot | None) -> dict[str, Any]:
    """Returns all that ``prune``, ``quantize`` and ``evaluate`` depend on, beside their shard; see above."""
    return {
        **training(config, dataset, snapshot),
        "chains": config.model_dump(mode="json", include={"recipes", "runtimes"}),
        "taught_by": [teacher(getattr(each.params, "teacher", None)) for each in _steps(config)],
        "budget": config.budget.model_dump(mode="json", exclude=_NOT_JUDGED),
    }


def _steps(config: Config) -> list[Step]:
    return [each for candidate in config.candidates().values() for each in candidate.steps]
