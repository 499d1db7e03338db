"""What a stage is: everything that others must know of it, in one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from trimtab.config.registered import Registered


@dataclass(frozen=True)
class Stage:
    """One stage, which is one component, and one task or, in a loop over shards, several.

    Attributes:
        name: The name of its module in ``trimtab.stages`` and of its component.
        pipelines: The pipelines that have it.
        opens: The sections of the config whose URIs it opens, beside the run's directory and the store.
        is_sharded: Whether each shard of the branches has a task of its own.
        saves: Whether it goes on where it was when it is told to stop and run again.
        is_cached: Whether its answer follows from its question, so that Kubeflow's cache may answer for it.
        within: The stage whose task does its work too; empty: it has a component and tasks of its own.
    """

    name: str
    pipelines: frozenset[str]
    opens: frozenset[str]
    is_sharded: bool = False
    saves: bool = False
    is_cached: bool = False
    within: str = ""


def _stage(
    name: str, pipelines: Iterable[str], opens: Iterable[str] = (), *, within: str = "", **properties: bool
) -> Stage:
    return Stage(name, frozenset(pipelines), frozenset(opens), within=within, **properties)


_RETRAIN = ("retrain",)
_TRAINING = ("optimize", "retrain")
_ALL = ("optimize", "retrain", "compress")

STAGES = {
    stage.name: stage
    for stage in (
        _stage("check_data", _RETRAIN, ["data", "deploy", "model"]),
        _stage("plan", _RETRAIN, ["deploy"]),
        _stage("data_prep", _ALL, ["data", "deploy", "model"]),
        _stage("tune", _TRAINING, ["model"], saves=True, is_cached=True),
        _stage("train", _ALL, ["model"], saves=True, is_cached=True),
        _stage("search", _ALL, saves=True, is_cached=True, within="train"),
        _stage("prune", _ALL, is_sharded=True, saves=True, is_cached=True),
        _stage("quantize", _ALL, is_sharded=True, saves=True, is_cached=True),
        _stage("evaluate", _ALL, is_sharded=True, saves=True, is_cached=True),
        _stage("select", _ALL, ["data", "deploy", "model"]),
        _stage("compare", _ALL, within="select"),
        _stage("deploy", _ALL, ["deploy", "model"]),
        _stage("report", _ALL),
    )
}
"""The stages of all pipelines by name, in the order they run."""

_WITHIN: dict[str, tuple[str, ...]] = {name: () for name, stage in STAGES.items() if stage.within}
StageName = Annotated[str, Registered(STAGES, instead=_WITHIN)]
"""A stage that has tasks, and so resources."""
