"""What becomes of the model in service, situation by situation: see docs/retraining.md."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from stages.home import Home
from stages.retraining import BAD, FORCED, ROWS, Service, flip, rows, told

from trimtab.artifacts.hyperparameters import Hyperparameters, read
from trimtab.artifacts.record import read_records
from trimtab.deploy.champion import Snapshot
from trimtab.stages import tune

# Before anything is in service, or when it is lost


def test_the_first_run_deploys(service: Service) -> None:
    result = service.retrain()
    assert (result.status, service.champion()["version"]) == ("deployed", 1)
    assert result.retrain.comparison.finding == "no_champion"
    assert f"no model is deployed at {service.target} yet" in told(result)
    assert result.deployed == str(service.target / "1")


def test_a_lost_pointer_is_a_first_run_under_a_new_number(served: Service) -> None:
    (served.target / "champion.json").unlink()
    result = served.retrain()
    assert (result.status, served.champion()["version"]) == ("deployed", 2)
    assert "no model is deployed" in told(result)


def test_a_damaged_pointer_is_named_and_replaced(served: Service) -> None:
    (served.target / "champion.json").write_text("{")
    result = served.retrain()
    assert (result.status, served.champion()["version"]) == ("deployed", 2)
    assert "champion.json: the file is damaged" in told(result)
    assert "the history before is lost" in served.champion()["history"][0]["reason"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (flip, "its SHA-256 is not the manifest's"),
        (Path.unlink, "a file that the manifest lists is missing"),
        (lambda file: shutil.rmtree(file.parent), "there is no version 1"),
    ],
)
def test_a_champion_that_cannot_be_served_is_replaced(
    served: Service, harm: Callable[[Path], object], said: str
) -> None:
    harm(served.target / "1" / "model.tflite")
    result = served.retrain(spoiled=BAD)
    assert (result.status, served.champion()["version"]) == ("deployed", 2)
    assert result.retrain.comparison.finding == "no_champion"
    assert "champion v1 cannot be served" in told(result)
    assert said in told(result)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (flip, "its SHA-256 is not the manifest's"),
        (Path.unlink, "a file that the manifest lists is missing"),
        (lambda file: shutil.rmtree(file.parent), "nothing is stored of the training of version 1"),
    ],
)
def test_a_champion_whose_training_is_lost_is_still_judged(
    served: Service, harm: Callable[[Path], object], said: str
) -> None:
    harm(served.target / "training" / "1" / "model.keras")
    served.config["recipes"] = [{"prune": "none", "quantize": ["int8"]}]
    result = served.retrain(spoiled=BAD)
    assert (result.status, served.champion()["version"]) == ("champion_kept", 1)
    assert result.retrain.comparison.finding == "worse"
    assert said in told(result)
    assert not Snapshot.open(str(served.root / "run-2")).plan.warm
    # The recipe is the champion's still: what is served says it, too.
    assert [one.id for one in result.candidates] == ["none--none", "none--float16"]


# Nothing new


def test_equal_files_are_nothing_new_and_are_not_parsed(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(*_: object) -> None:
        raise AssertionError("the data was parsed")

    monkeypatch.setattr("trimtab.stages.check_data.fingerprint", parsed)
    result = served.retrain()
    assert (result.status, result.errors) == ("up_to_date", [])
    assert result.verdict == "Nothing new: the data is what champion v1 was trained on."
    assert {record.stage for record in read_records(str(served.root / "run-2"))} == {"check_data", "report"}


def test_the_same_rows_in_other_files_are_nothing_new(served: Service) -> None:
    lines = rows(ROWS, seed=1)[::-1]
    served.write("january.csv", lines[:500])
    served.write("february.csv", lines[500:])
    result = served.retrain()
    assert result.status == "up_to_date"
    assert "their rows are those that champion v1 was trained on" in result.verdict
    assert result.retrain.changes.added.first == ["train/february.csv"]
    assert result.retrain.changes.changed.first == ["train/january.csv"]


def test_the_same_rows_in_another_format_are_nothing_new(served: Service) -> None:
    table = pacsv.read_csv(served.root / "data" / "january.csv")
    (served.root / "data" / "january.csv").unlink()
    pq.write_table(table, served.root / "data" / "january.parquet")
    served.config["data"]["format"] = "parquet"
    assert served.retrain().status == "up_to_date"


# New rows: champion against challenger


def test_a_better_challenger_is_promoted(bad: Service) -> None:
    bad.write("february.csv", rows(300, seed=2))
    result = bad.retrain()
    assert (result.status, bad.champion()["version"]) == ("deployed", 2)
    found = result.retrain.comparison
    assert found.finding == "better"
    assert found.loss.upper_bound < 0
    assert result.verdict.startswith("Deployed none--float16 as v2: better than v1, 95 % sure")
    assert "1 file new: train/february.csv" in told(result)
    assert sum(result.retrain.changes.rows_before.values()) == ROWS
    assert sum(result.retrain.changes.rows_after.values()) == ROWS + 300
    assert "better than v1" in bad.champion()["history"][1]["reason"]


def test_a_worse_challenger_leaves_the_champion(served: Service) -> None:
    before = (served.target / "champion.json").read_bytes()
    served.write("february.csv", rows(300, seed=2))
    result = served.retrain(spoiled=BAD)
    assert (result.status, result.deployed) == ("champion_kept", None)
    assert (served.target / "champion.json").read_bytes() == before
    assert result.retrain.comparison.finding == "worse"
    assert result.retrain.comparison.gain.upper_bound < 0
    assert result.verdict.startswith(
        "Champion v1 stays: the challenger none--float16 is worse than v1, 95 % sure"
    )


def test_a_challenger_as_good_and_cheaper_is_promoted(serving: Callable[..., Service]) -> None:
    service = serving(padding=20_000)
    service.write("february.csv", rows(300, seed=2))
    result = service.retrain()
    assert (result.status, service.champion()["version"]) == ("deployed", 2)
    assert result.retrain.comparison.finding == "cheaper"
    assert "not worse than v1, 95 % sure" in result.verdict
    assert "and cheaper: " in result.verdict


def test_a_challenger_as_good_and_not_cheaper_is_not_promoted(served: Service) -> None:
    served.write("february.csv", rows(300, seed=2))
    result = served.retrain(padding=20_000)
    assert (result.status, served.champion()["version"]) == ("champion_kept", 1)
    assert result.retrain.comparison.finding == "no_gain"
    assert "not shown to be better, and not cheaper" in result.verdict


def test_not_worse_has_to_be_shown(serving: Callable[..., Service]) -> None:
    service = serving(padding=20_000)
    service.config["retrain"] = {"max_accuracy_drop": 0.005}
    service.write("february.csv", rows(300, seed=2))
    result = service.retrain()
    assert (result.status, result.retrain.comparison.finding) == ("champion_kept", "unproven")
    assert "not shown to be as good as v1" in result.verdict
    assert re.search(
        r"fresh test examples; about [\d,]+ with the same rates would show it\.$", result.verdict
    )


def test_a_challenger_over_the_budget_is_none(served: Service) -> None:
    served.write("february.csv", rows(300, seed=2))
    served.config["budget"]["max_size_kb"] = 0.1
    result = served.retrain()
    assert (result.status, result.retrain.comparison.finding) == ("over_budget", "over_budget")
    assert result.verdict.startswith("Nothing was deployed")
    assert result.verdict.endswith("Champion v1 stays.")


def test_the_champions_recipe_and_hyperparameters_are_applied(served: Service) -> None:
    served.write("february.csv", rows(300, seed=2))
    served.config["recipes"] = [{"prune": {"method": "channels"}, "quantize": ["int8"]}]
    served.config["tune"] = {"trials": 3}
    result = served.retrain()
    assert [one.id for one in result.candidates] == ["none--none", "none--float16"]
    home = Home(served.root, run="run-2")
    tuned = read(home.store, tune.run(home.run, "unused"))
    assert tuned == Hyperparameters(model={"units": 8})


# Data of another kind


def test_another_setting_is_a_reason_too(served: Service) -> None:
    served.config["data"] |= {"split": {"test": 0.3}, "columns": {"x": "numeric"}, "group_by": "x"}
    found = served.retrain().retrain
    assert found.needed
    assert 'data.columns is {"x": "numeric"}, the champion\'s was {}' in found.reasons
    assert 'data.group_by is "x", the champion\'s was not set' in found.reasons
    assert any(reason.startswith("data.split is ") for reason in found.reasons)


def test_a_new_column_makes_a_new_schema_and_the_champion_is_still_judged(served: Service) -> None:
    served.write("january.csv", rows(ROWS, seed=1, extra=1), extra=1)
    result = served.retrain(spoiled=BAD)
    assert result.status == "champion_kept"
    assert "the column noise0 (numeric) is new" in told(result)
    assert result.retrain.comparison.finding == "worse"
    assert result.retrain.comparison.champion.metrics["accuracy"] > 0.8


def test_without_one_of_its_columns_the_champion_cannot_answer(service: Service) -> None:
    service.write("january.csv", rows(ROWS, seed=1, extra=1), extra=1)
    service.retrain()
    service.write("january.csv", rows(ROWS, seed=1))
    kept = service.retrain()
    assert (kept.status, kept.retrain.comparison.finding) == ("champion_kept", "no_answer")
    assert "champion v1 cannot answer the new data: the column noise0 is gone. `--force" in kept.verdict
    forced = service.retrain(forced=FORCED)
    assert (forced.status, service.champion()["version"]) == ("deployed", 2)


def test_a_new_class_counts_against_the_champion(served: Service) -> None:
    served.write("february.csv", rows(400, seed=2, classes="d"))
    result = served.retrain()
    assert (result.status, served.champion()["version"]) == ("deployed", 2)
    assert "the class d is new in label" in told(result)
    found = result.retrain.comparison
    assert found.finding == "better"
    assert found.champion.metrics["accuracy"] < 0.75 < found.challenger.metrics["accuracy"]
