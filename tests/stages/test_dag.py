"""All stages of a run in their order, without a pipeline: what a second run reuses, and what a kill costs."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.forked import start
from faults.proxy import wait_until
from stages.home import Home
from stages.retraining import constant_times
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

from trimtab.artifacts import selection as selections
from trimtab.config.chains import shard_names
from trimtab.config.config import Config
from trimtab.evaluate import latency
from trimtab.report.result import Result
from trimtab.stages import (
    ahead,
    children,
    compare,
    data_prep,
    deploy,
    evaluate,
    prune,
    quantize,
    report,
    select,
    settings,
    train,
    tune,
)

pytestmark = pytest.mark.slow
CONFIG: dict[str, Any] = {
    "data": {"train": "sklearn://digits", "workers": 1},
    "model": {"architecture": "mlp", "params": {"units": 32}},
    "tune": {"algorithm": "random", "trials": 2, "epochs": 1},
    "train": {"epochs": 4, "learning_rate": 0.005},
    "recipes": [
        [["none", "int8"]],
        [{"channels": {"ratio": 0.25, "epochs": 2}}, ["dynamic_int8"]],
        [{"channels": {"ratio": 0.25, "epochs": 2}}, {"channels": {"ratio": 0.5, "epochs": 1}}, ["int8"]],
    ],
    "budget": {"max_accuracy_drop": 0.2},
}

IDLE = ["prune 2/2"]
"""The shard of the trained model alone, of which nothing has to be made."""


def optimize(home: Home, shards: int = 2, **sections: Any) -> Result:
    """Runs the stages of the pipeline in its order, and returns the outcome."""
    config = Config.model_validate(CONFIG | sections)
    Path(home.run, settings.CONFIG).unlink(missing_ok=True)
    home.dataset = data_prep.run(home.run, config.model_dump_json())
    home.trained = home.task(train.run, home.dataset, home.task(tune.run, home.dataset))
    evaluated = []
    for shard in shard_names(config.branches(), shards):
        pruned = home.task(prune.run, shard, home.dataset, home.trained)
        quantized = home.task(quantize.run, shard, home.dataset, pruned)
        evaluated.append(home.task(evaluate.run, shard, home.dataset, quantized))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(latency, "sample", constant_times)
        select.run(home.run, home.dataset, home.trained, evaluated)
    if compare.run(home.run, home.dataset):
        deploy.run(home.run, home.dataset, home.trained)
    report.run(home.run, str(home.output / "page.html"), "optimize")
    return Result.model_validate_json(Path(home.run, "result.json").read_bytes())


def tasks(result: Result, *, reused: bool) -> list[str]:
    return [task.name for task in result.tasks if task.reused == reused]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Result]:
    """Returns a run that nothing stopped, and its outcome; no test changes it."""
    home = Home(tmp_path_factory.mktemp("dag") / "runs")
    return home, optimize(home)


def test_a_run(first: tuple[Home, Result]) -> None:
    home, result = first
    assert (result.status, result.errors) == ("deployed", [])
    assert len(result.candidates) == 4
    assert all(candidate.ok for candidate in result.candidates)
    assert tasks(result, reused=True) == []
    assert result.chosen == selections.read(home.run)[1].chosen
    assert Path(result.deployed, "model.tflite").is_file()


def shown(run: str) -> dict[str, dict[str, set[str]]]:
    """Returns what TensorBoard finds in the logs of a run: tags by its runs and plugins."""
    logs = EventMultiplexer().AddRunsFromDirectory(f"{run}/tensorboard").Reload()
    found: dict[str, dict[str, set[str]]] = {}
    for name in logs.Runs():
        tags, of_run = logs.GetAccumulator(name).Tags(), found.setdefault(name, {})
        for tag in tags["tensors"]:
            of_run.setdefault(logs.SummaryMetadata(name, tag).plugin_data.plugin_name, set()).add(tag)
        if tags["graph"]:
            of_run["graphs"] = {"graph"}
    return found


def test_what_tensorboard_shows_of_a_run(first: tuple[Home, Result]) -> None:
    home, result = first
    found, chosen = shown(home.run), str(result.chosen)
    assert set(found["review"]["text"]) == {"verdict", "model_card", "config", "warnings", "most_wrong/table"}
    pictures = {f"{what}/{of}" for what, of in (("pareto", "latency"), ("pareto", "size"))}
    pictures |= {"confusion/baseline", "confusion/chosen", "most_wrong/examples"}
    assert found["review"]["images"] == pictures
    for candidate in result.candidates:
        of_it = found[f"review/{candidate.id}"]
        measured = {"accuracy", "drop", "drop_bound", "latency_p50_ms", "size_bytes"}
        measured |= {"operators", "operators_executed"}
        assert of_it["scalars"] == {f"candidates/{name}" for name in measured}
        assert len(of_it["hparams"]) == 2
        has_curves = candidate.id in (chosen, "none--none")
        assert of_it.get("pr_curves", set()) == (
            {f"pr/{digit}" for digit in range(10)} if has_curves else set()
        )
    assert all(len(found[f"tune/{trial}"]["hparams"]) == 2 for trial in "01")
    pruned = [entry.name for entry in home.record("prune", "1/2").entries if not entry.reused]
    for training in ("train", *(f"prune/{name}" for name in pruned), "tune/0"):
        for split, rate in (("train", {"epoch_learning_rate"}), ("validation", set())):
            assert found[f"{training}/{split}"]["scalars"] == {"epoch_loss", "epoch_accuracy"} | rate
    assert found["review/graph/baseline"] == found["review/graph/champion"] == {"graphs": {"graph"}}
    weights = {name: of for name, of in found.items() if name.startswith("review/weights/")}
    quantized = {one.id for one in result.candidates if "int8" in one.id}
    assert len(quantized) == 3
    for name, of in weights.items():
        assert set(of) == {"histograms"}
        is_file = name.removeprefix("review/weights/") in quantized
        assert any(tag.startswith("file/predictions") for tag in of["histograms"]) == is_file
        assert ("predictions/kernel" in of["histograms"]) != is_file
    assert len(weights) == 3 + len(quantized)
    logs = Path(home.run, "tensorboard")
    assert len((logs / "review" / "labels.tsv").read_text().splitlines()) == result.data.rows["test"]
    assert np.loadtxt(logs / "review" / "embedding.tsv").shape == (result.data.rows["test"], 32)
    assert sum(file.stat().st_size for file in logs.rglob("*") if file.is_file()) < 1_000_000


def test_what_two_recipes_begin_with_is_made_once(first: tuple[Home, Result]) -> None:
    home, _ = first
    made = [
        entry.name
        for shard in ("1/2", "2/2")
        for entry in home.record("prune", shard).entries
        if not entry.reused
    ]
    assert len(made) == 2, "three steps, of which two are the same"


def test_another_budget_trains_and_makes_nothing(first: tuple[Home, Result], tmp_path: Path) -> None:
    home = first[0].copy(tmp_path / "runs", run="another")
    result = optimize(home, budget={"max_accuracy_drop": 0.2, "max_size_kb": 1})
    assert result.status == "over_budget"
    assert tasks(result, reused=False) == [*IDLE, "select"]
    curves = {name for name in shown(home.run) if name.endswith(("/train", "/validation"))}
    assert {"review/train/train", "review/train/validation"} <= curves, "of the run that trained"
    assert sum(name.startswith("review/prune/") for name in curves) == 6
    before = {candidate.id: candidate.metrics for candidate in first[1].candidates}
    assert {candidate.id: candidate.metrics for candidate in result.candidates} == before
    page = (home.output / "page.html").read_text()
    assert "train" in page
    assert "reused" in page


def test_another_recipe_makes_that_alone(first: tuple[Home, Result], tmp_path: Path) -> None:
    home = first[0].copy(tmp_path / "runs", run="another")
    result = optimize(home, shards=1, recipes=[*CONFIG["recipes"], [["float16"]]])
    assert [candidate.id for candidate in result.candidates if candidate.ok].count("none--float16") == 1
    new = [entry.name for entry in home.record("quantize", "1/1").entries if not entry.reused]
    assert new == ["none--float16"]
    assert home.record("prune", "1/1").reused


def says_when_it_makes_the_second() -> None:
    usual, calls = children.run, []

    def run(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        label, work, jobs, *others = arguments
        if work is ahead._all:  # several in one process: it is killed at the second
            usual(label, work, jobs[:1], *others, **options)
            Path(os.environ["MARK"]).touch()
            time.sleep(120)
        if len(calls) == 2:
            Path(os.environ["MARK"]).touch()
        return usual(*arguments, **options)

    children.run = run


def work_that_is_killed(*arguments: Any) -> None:
    says_when_it_makes_the_second()
    stage, *others = arguments
    stage(*others)


@pytest.mark.parametrize(
    ("stage", "kind"),
    [(prune, "model"), (quantize, "file"), (evaluate, "evaluation")],
    ids=["prune", "quantize", "evaluate"],
)
def test_a_shard_that_is_killed_redoes_what_was_unfinished_alone(
    first: tuple[Home, Result], tmp_path: Path, stage: Any, kind: str
) -> None:
    home = first[0].copy(tmp_path / "runs")
    arguments = ["1/1", home.dataset, home.trained]
    for before in (prune, quantize, evaluate)[: (prune, quantize, evaluate).index(stage)]:
        arguments[2] = home.task(before.run, *arguments)
    forget(home, kind, keep={home.trained})
    mark = tmp_path / "mark"
    told = {"MARK": str(mark)}
    task = start(work_that_is_killed, tmp_path / "log", stage.run, home.run, *arguments, environment=told)
    wait_until(mark.exists, 120)
    kill_with_children(task)
    if stage is prune:  # others record what they make after it is made
        cut = home.record(stage.STAGE, "1/1")
        made = [entry.name for entry in cut.entries if not entry.reused]
        assert (cut.ok, cut.ended, len(made)) == (False, False, 1)
    ref = home.task(stage.run, *arguments)
    assert all(outcome.ref for outcome in home.made(ref.partition("/")[0], ref).values())
    entries = home.record(stage.STAGE, "1/1").entries
    assert entries[0].reused
    assert stage is prune or [entry.reused for entry in entries].count(True) == 1
    assert not all(entry.reused for entry in entries)


def forget(home: Home, kind: str, keep: set[str]) -> None:
    """Removes what the store has of a kind."""
    for entry in (home.output / "store" / kind).iterdir():
        if f"{kind}/{entry.name}" not in keep:
            home.store._artifacts.remove(f"{kind}/{entry.name}")


def kill_with_children(task: Any) -> None:
    """Kills a process and those below it, as a node that dies does."""
    below = [int(name) for name in Path(f"/proc/{task.pid}/task/{task.pid}/children").read_text().split()]
    for process in (task.pid, *below):
        os.kill(process, signal.SIGKILL)
    task.join()


def test_a_run_that_was_killed_and_goes_on_redoes_nothing_finished(
    first: tuple[Home, Result], tmp_path: Path
) -> None:
    home = first[0].copy(tmp_path / "runs")
    forget(home, "file", set())
    forget(home, "evaluation", set())
    result = optimize(home)
    assert tasks(result, reused=True) == ["data_prep", "tune", "train", "prune 1/2"]
    sizes, before = ({c.id: c.size_bytes for c in one.candidates} for one in (result, first[1]))
    assert sizes == before
    log = json.loads(Path(home.run, "stages", "prune.1-2.json").read_text())
    assert log["reused"]
