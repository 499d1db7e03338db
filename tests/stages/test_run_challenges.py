"""`trimtab run` where a model is in service: with real stages, and LiteRT models of a known quality."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stages.home import Home
from stages.retraining import Begun, Service, constant_times, rows

from trimtab.artifacts.shard import QUANTIZED
from trimtab.deploy.repository import Repository
from trimtab.evaluate import latency
from trimtab.report.result import Result
from trimtab.stages import children, compare, data_prep, deploy, evaluate, report, select, trial

BAD = 20.0


class Runs(Service):
    """As `Service`, by the stages of the `optimize` pipeline."""

    def run(self, *, spoiled: float = 0.0, forced: tuple[str, str] = ("", ""), run: str = "") -> Result:
        home = Home(self.root, run=run) if run else self.new_run()
        home.dataset = data_prep.run(home.run, self.text)
        name = Path(home.run).name
        model, made = f"model/{name}", f"model/{name}-pruned"
        if home.store.find(model) is None:
            home.model(name, hyperparameters={"model": {"units": 8}})
            self._files = self._candidates(home, home.model(f"{name}-pruned", b"pruned"), spoiled, 0)
        evaluated = evaluate.run(home.run, "1/1", home.dataset, home.outcomes(QUANTIZED, self._files))
        select.run(home.run, home.dataset, made, [evaluated])
        if compare.run(home.run, home.dataset, *forced):
            deploy.run(home.run, home.dataset, model)
        report.run(home.run, str(Path(home.run, "out.html")), "optimize")
        return Result.model_validate_json(Path(home.run, "result.json").read_bytes())


@pytest.fixture
def _steady(monkeypatch: pytest.MonkeyPatch, forked: None) -> None:
    monkeypatch.setattr(latency, "sample", constant_times)


@pytest.fixture
def service(tmp_path: Path, linear_tflite: Callable[..., bytes], _steady: None) -> Runs:
    return with_data(tmp_path / "service", linear_tflite)


def with_data(root: Path, linear_tflite: Callable[..., bytes]) -> Runs:
    made = Runs(root, linear_tflite)
    made.write("january.csv", rows(2000, seed=0))
    return made


@pytest.fixture
def serving(begun: Begun, linear_tflite: Callable[..., bytes], _steady: None) -> Callable[..., Runs]:
    """Returns a function that returns a target with a model in service, given how `run` made it."""

    def serving(**given: Any) -> Runs:
        def make() -> Runs:
            made = with_data(begun.place, linear_tflite)
            assert made.run(**given).status == "deployed"
            return made

        return begun.at(f"ran {given}", make)

    return serving


@pytest.fixture
def good(serving: Callable[..., Runs]) -> Runs:
    """Returns a target with a good model in service."""
    return serving()


@pytest.fixture
def bad(serving: Callable[..., Runs]) -> Runs:
    """Returns a target with a bad model in service."""
    return serving(spoiled=BAD)


def served(service: Runs) -> dict[str, Any]:
    return json.loads((service.target / "champion.json").read_text())


def test_the_first_run_deploys_as_ever(service: Runs) -> None:
    result = service.run()
    assert (result.status, served(service)["version"]) == ("deployed", 1)
    assert (result.comparison.finding, result.retrain) == ("no_champion", None)
    assert "It replaces" not in result.verdict


def test_the_same_run_again_makes_the_same_model_and_that_is_nothing_new(good: Runs) -> None:
    result = good.run()
    assert (result.status, result.comparison.finding) == ("up_to_date", "identical")
    assert (served(good)["version"], Repository(str(good.target)).versions()) == (1, [1])


def test_a_worse_model_does_not_replace_the_champion(good: Runs) -> None:
    good.config["budget"]["max_accuracy_drop"] = 0.04
    result = good.run(spoiled=BAD)
    assert (result.status, result.comparison.finding) == ("champion_kept", "worse")
    assert served(good)["version"] == 1
    assert result.verdict.startswith(
        "Champion v1 stays: the challenger none--float16 is worse than v1, 95 % sure"
    )
    assert result.comparison.reuse.decisions == 2, "the same test rows decided twice"
    assert not (good.target / "judged").exists(), "that is what retrainings ask"


def test_a_better_model_replaces_it_and_the_history_says_why(bad: Runs) -> None:
    result = bad.run()
    assert (result.status, result.comparison.finding) == ("deployed", "better")
    assert "It replaces v1: better than v1, 95 % sure" in result.verdict
    assert served(bad)["history"][-1]["reason"] == result.comparison.why


def test_who_forces_it_deploys_a_worse_one_and_is_in_the_history(good: Runs) -> None:
    result = good.run(spoiled=BAD, forced=("ada@lab", "the labels were wrong"))
    assert (result.status, served(good)["version"]) == ("deployed", 2)
    last = served(good)["history"][-1]
    assert (last["by"], last["forced"]) == ("ada@lab", True)
    assert last["reason"].startswith("the labels were wrong (worse than v1")


def test_a_champion_of_other_rows_answers_the_new_ones_as_it_encodes_them(service: Runs) -> None:
    """More rows move the means that inputs are scaled by: the champion keeps its own."""
    service.run(spoiled=BAD)
    service.write("february.csv", rows(2000, seed=1))
    result = service.run()
    assert (result.status, result.comparison.finding) == ("deployed", "better")
    accuracy = result.comparison.champion.metrics["accuracy"]
    assert 0.3 < accuracy < result.comparison.challenger.metrics["accuracy"]


def test_a_good_champion_of_other_rows_is_as_good_on_new_ones(good: Runs) -> None:
    good.write("february.csv", rows(2000, seed=1))
    found = good.run().comparison
    gap = found.champion.metrics["accuracy"] - found.challenger.metrics["accuracy"]
    assert found.champion.metrics["accuracy"] > 0.85
    assert abs(gap) < 0.02


@pytest.mark.usefixtures("plain_numbers")  # for a column more or less to be next to nothing
def test_a_champion_that_takes_a_column_which_is_gone_stays_unless_forced(service: Runs) -> None:
    service.write("january.csv", rows(2000, seed=0, extra=1), extra=1)
    service.run()
    service.config["data"]["drop"] = ["noise0"]
    answered = service.run()
    assert answered.comparison.champion is not None, (
        "the column is there, and only the new model leaves it out"
    )
    service.config["data"]["drop"] = []
    service.write("january.csv", rows(2000, seed=0))
    result = service.run()
    assert (result.status, result.comparison.finding) == ("champion_kept", "no_answer")
    assert (
        "v1 cannot answer the new data: the rows are not what it takes: x (numeric), y (numeric), noise0"
        in (result.verdict)
    )
    forced = service.run(forced=("ada@lab", "the column is gone"))
    assert forced.status == "deployed"


def test_a_champion_that_ends_its_process_stays_and_costs_the_run_nothing_else(
    bad: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad.write("february.csv", rows(2000, seed=1))
    reason = "its process was ended by SIGSEGV, while it worked on compare"
    crash = children.Crash(None, reason, was_killed=True)
    monkeypatch.setattr(trial, "crash_of", lambda *_: crash)
    result = bad.run()
    assert (result.status, result.comparison.finding) == ("champion_kept", "no_answer")
    assert result.comparison.crashed
    assert f"v1 cannot answer the new data: {reason}" in result.verdict
    assert bad.run(forced=("ada@lab", "it crashes")).status == "deployed"


def test_a_run_that_goes_on_after_it_deployed_stays_deployed(service: Runs) -> None:
    first = service.run(run="one")
    again = service.run(run="one")
    assert (first.status, again.status) == ("deployed", "deployed")
    assert again.deployed == first.deployed
    assert Repository(str(service.target)).versions() == [1]


def test_rows_that_the_champion_may_have_been_trained_on_are_warned_of(bad: Runs) -> None:
    bad.config["data"]["split"] = {"test": 0.3}
    result = bad.run()
    assert "rows have changed sides (data.split.test was 0.2)" in result.comparison.warnings[0]
