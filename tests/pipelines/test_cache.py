"""Whole runs with Kubeflow's cache around their tasks: it hits where it may, and never on what is stale."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from copy import copy
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from altered_tasks import killed_as_it_prunes, without_latencies
from in_process import all_forked
from kfp_cache import Cache

from trimtab.artifacts.sweep import sweep
from trimtab.cli import local
from trimtab.cli.pipeline import Pipeline
from trimtab.config.config import Config
from trimtab.report.result import Result
from trimtab.stages.tokens import RUN_ID

pytestmark = pytest.mark.slow
CONFIG: dict[str, Any] = {
    "name": "cached",
    "model": {"architecture": "mlp", "params": {"units": 8}},
    "train": {"epochs": 4, "learning_rate": 0.05},
    "recipes": [[{"channels": {"ratio": 0.25, "epochs": 1}}, "float16"], ["float16"]],
    "budget": {"max_accuracy_drop": 0.5},
    "resources": {"parallel": 2},
}
TRAINING = ["tune", "train"]
CANDIDATES = [f"{stage} {shard}" for stage in ("prune", "quantize", "evaluate") for shard in ("1/2", "2/2")]


class Cluster:
    """Where runs share a store, a repository and a cache.

    Attributes:
        execute: What a task's process does.
    """

    def __init__(self, directory: Path, root: Path) -> None:
        self.output, self._numbers = directory / "runs", count(1)
        self.execute = without_latencies
        self.rows = directory / "rows.csv"
        compiled = next(yaml.safe_load_all((root / "pipelines/optimize.yaml").read_text()))
        self.cache, self.run_directory = Cache(compiled), Path()
        self.write_rows(0)

    def write_rows(self, shift: int) -> None:
        rows = ((i * 7 % 301, (i + shift) % 11, "yes" if i % 7 > 3 else "no") for i in range(400))
        self.rows.write_text("a,b,label\n" + "".join(f"{a},{b},{label}\n" for a, b, label in rows))

    def run(self, pipeline: Pipeline | None = None, **sections: Any) -> Result:
        """Runs the pipeline once more, as pods do that have the run's id from their label."""
        data = {"train": str(self.rows), "label": "label"}
        config = Config.model_validate({**CONFIG, "data": data, **sections}).resolved()
        run_id = f"run-{next(self._numbers)}"
        self.run_directory = self.output / run_id
        with pytest.MonkeyPatch.context() as patched, all_forked():
            patched.setenv(RUN_ID, run_id)
            patched.setattr("trimtab.cli.processes._execute", self.execute)
            output, runner = str(self.output), self.cache.runner
            return local.run(pipeline or Pipeline(), config, output, run_id, resume=False, runner=runner)

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Takes back what becomes of it in the block; keys know its place, so that no copy would do."""
        before, numbers = self.output.with_name("before"), copy(self._numbers)
        shutil.copytree(self.output, before)
        try:
            with self.cache.undone():
                yield
        finally:
            shutil.rmtree(self.output)
            before.rename(self.output)
            self.write_rows(0)
            self._numbers = numbers

    @property
    def hits(self) -> list[str]:
        return sorted(self.cache.hits)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, root: Path) -> tuple[Cluster, Result]:
    """Returns a cluster after its first run, and what came of that."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), root)
    first = cluster.run()
    assert first.errors == []
    assert cluster.hits == []
    assert not [task.name for task in first.tasks if task.reused]
    return cluster, first


@pytest.fixture
def first(begun: tuple[Cluster, Result]) -> Result:
    """Returns what came of the first run."""
    return begun[1]


@pytest.fixture
def cluster(begun: tuple[Cluster, Result]) -> Iterator[Cluster]:
    """Yields the cluster as its first run has left it."""
    with begun[0].undone():
        yield begun[0]


def found(result: Result) -> list[Any]:
    """Returns what of a result measures no time."""
    return [
        (one.id, one.ok, one.metrics, one.size_bytes, one.drop, one.thresholds) for one in result.candidates
    ]


def test_what_was_asked_before_is_answered_and_the_run_has_all_the_same(
    cluster: Cluster, first: Result
) -> None:
    second = cluster.run()
    assert cluster.hits == sorted([*TRAINING, *CANDIDATES])
    assert second.errors == []
    assert found(second) == found(first)
    assert [task.name for task in second.tasks if task.name != "deploy"] == [
        task.name for task in first.tasks if task.name != "deploy"
    ]
    assert {task.name for task in second.tasks if task.reused} == {*TRAINING, *CANDIDATES, "data_prep"}
    page = (cluster.run_directory / "report.html").read_text()
    assert "reused" in page
    uses = {path.parent.name for path in cluster.run_directory.glob("uses/*/*")}
    assert {"asked", "dataset", "model", "file", "evaluation", "pruned", "quantized", "evaluated"} <= uses

    assert cluster.run(budget={"max_accuracy_drop": 0.5, "max_size_kb": 0.5}).chosen is None
    assert cluster.hits == sorted([*TRAINING, *CANDIDATES])

    cluster.run(budget={"max_accuracy_drop": 0.4})
    assert cluster.hits == sorted(TRAINING)


def test_changed_rows_at_the_same_place_are_never_answered_with_the_old_ones(
    cluster: Cluster, first: Result
) -> None:
    cluster.write_rows(shift=5)
    second = cluster.run()
    assert cluster.hits == []
    assert second.errors == []
    assert first.data
    assert second.data
    assert second.data.fingerprint != first.data.fingerprint
    afresh = cluster.run_directory / "stages" / "train.json"
    assert json.loads(afresh.read_text())["reused"] is False

    cluster.write_rows(shift=0)
    again = cluster.run()
    assert cluster.hits == sorted([*TRAINING, *CANDIDATES])
    assert found(again) == found(first)


def test_a_retraining_is_answered_as_long_as_the_champion_is_the_same(cluster: Cluster) -> None:
    stays = {"retrain": {"cheaper_by": 0.9}}
    cluster.write_rows(shift=5)
    kept = cluster.run(Pipeline("retrain"), **stays)
    assert (kept.status, kept.errors) == ("champion_kept", [])
    assert cluster.hits == []

    forced = Pipeline("retrain", "ada@lab", "to see")
    again = cluster.run(forced, **stays)
    assert cluster.hits == sorted([*TRAINING, *CANDIDATES])
    assert again.status == "deployed"
    assert found(again) == found(kept)

    cluster.run(forced, **stays)
    assert cluster.hits == []  # what was deployed is the champion now, and training begins with its weights


def test_another_recipe_is_not_answered_with_the_old_ones(cluster: Cluster) -> None:
    recipes = [[{"channels": {"ratio": 0.5, "epochs": 1}}, "float16"], ["float16"]]
    second = cluster.run(recipes=recipes)
    assert cluster.hits == sorted(TRAINING)
    assert [one.id for one in second.candidates if one.ok and "channels-0.5" in one.id]


def test_what_was_removed_is_made_again(cluster: Cluster, first: Result) -> None:
    shutil.rmtree(cluster.output / "store" / "model")
    second = cluster.run()
    assert cluster.hits == []
    assert second.errors == []
    assert found(second) == found(first)
    cluster.run()
    assert cluster.hits == sorted([*TRAINING, *CANDIDATES])

    for run in ("run-1", "run-2", "run-3"):
        shutil.rmtree(cluster.output / run)
    assert sweep(str(cluster.output), -1.0)
    assert found(cluster.run()) == found(first)
    assert cluster.hits == []


def test_what_failed_by_chance_is_tried_again_by_the_next_run(tmp_path: Path, root: Path) -> None:
    """A process that is killed, as when memory runs out, says nothing of the candidate."""
    cluster = Cluster(tmp_path, root)
    cluster.execute = killed_as_it_prunes
    first = cluster.run()
    cluster.execute = without_latencies
    failed = [one.id for one in first.candidates if not one.ok]
    assert failed
    assert all("channels" in one for one in failed)
    second = cluster.run()
    assert cluster.hits == sorted(TRAINING)
    assert all(one.ok for one in second.candidates)
    cluster.run()
    assert cluster.hits == sorted([*TRAINING, *CANDIDATES])
