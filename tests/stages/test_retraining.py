"""What becomes of the model in service, situation by situation: see docs/retraining.md."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from stages.home import Home
from stages.retraining import Service, constant_times, rows

from trimtab.artifacts.hyperparameters import Hyperparameters, read
from trimtab.artifacts.record import read_records
from trimtab.deploy import switch
from trimtab.deploy.champion import Snapshot
from trimtab.evaluate import latency
from trimtab.report.result import Result
from trimtab.stages import check_data, children, deploy, tune

ROWS = 1200
BAD = 6.0
FORCED = ("ada@lab", "the label was wrong for a week")


@pytest.fixture(autouse=True)
def _steady(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "sample", constant_times)


@pytest.fixture
def service(tmp_path: Path, linear_tflite: Callable[..., bytes]) -> Service:
    """Returns a target with data and no model yet."""
    made = Service(tmp_path / "service", linear_tflite)
    made.write("january.csv", rows(ROWS, seed=1))
    return made


@pytest.fixture
def served(service: Service) -> Service:
    """Returns a target with a good model in service."""
    assert service.retrain().status == "deployed"
    return service


def told(result: Result) -> str:
    """Returns everything that a person reads of a retraining."""
    retrain = result.retrain
    assert retrain is not None
    return "\n".join([result.verdict, *retrain.reasons, *retrain.schema_changes])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


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


def test_a_better_challenger_is_promoted(service: Service) -> None:
    service.retrain(spoiled=BAD)
    service.write("february.csv", rows(300, seed=2))
    result = service.retrain()
    assert (result.status, service.champion()["version"]) == ("deployed", 2)
    found = result.retrain.comparison
    assert found.finding == "better"
    assert found.loss.upper_bound < 0
    assert result.verdict.startswith("Deployed none--float16 as v2: better than v1, 95 % sure")
    assert "1 file new: train/february.csv" in told(result)
    assert sum(result.retrain.changes.rows_before.values()) == ROWS
    assert sum(result.retrain.changes.rows_after.values()) == ROWS + 300
    assert "better than v1" in service.champion()["history"][1]["reason"]


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


def test_a_challenger_as_good_and_cheaper_is_promoted(service: Service) -> None:
    service.retrain(padding=20_000)
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
    assert "not proven better, and not cheaper" in result.verdict


def test_not_worse_has_to_be_shown(service: Service) -> None:
    service.retrain(padding=20_000)
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


# What was judged before


def judged(service: Service) -> Result:
    """Returns what comes of new rows whose challenger is worse."""
    service.write("february.csv", rows(300, seed=2))
    result = service.retrain(spoiled=BAD)
    assert (result.status, result.retrain.judged) == ("champion_kept", None)
    return result


def test_what_has_lost_is_not_judged_again_and_is_not_read(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = judged(served)
    before = (served.target / "champion.json").read_bytes()
    monkeypatch.setattr("trimtab.stages.check_data.fingerprint", None)
    result = served.retrain()
    assert (result.status, result.errors) == ("up_to_date", [])
    assert {record.stage for record in read_records(str(served.root / "run-3"))} == {"check_data", "report"}
    assert result.verdict.startswith("Nothing new: run run-2 judged this data on ")
    assert f"and its challenger was not promoted: {lost.retrain.comparison.why}. New rows, " in result.verdict
    assert result.retrain.judged.model_dump(exclude={"at", "why"}) == {
        "run": str(served.root / "run-2"),
        "finding": "worse",
        "promoted": None,
    }
    assert result.retrain.changes.added.first == ["train/february.csv"]
    assert (served.target / "champion.json").read_bytes() == before


def test_what_has_lost_is_known_by_its_rows_too(served: Service) -> None:
    judged(served)
    served.write("february.csv", rows(300, seed=2)[::-1])
    assert served.retrain().status == "up_to_date"


def test_new_rows_are_judged(served: Service) -> None:
    judged(served)
    served.write("march.csv", rows(20, seed=3))
    assert served.retrain(spoiled=BAD).status == "champion_kept"


@pytest.mark.parametrize(
    ("section", "setting"),
    [
        ("budget", {"max_accuracy_drop": 0.06}),
        ("retrain", {"confidence": 0.9}),
        ("train", {"epochs": 7}),
        ("data", {"max_bad_fraction": 0.01}),
    ],
)
def test_another_config_is_judged(served: Service, section: str, setting: dict[str, object]) -> None:
    judged(served)
    served.config[section] = {**served.config.get(section, {}), **setting}
    assert served.retrain(spoiled=BAD).status == "champion_kept"


@pytest.mark.parametrize(
    ("section", "setting"),
    [
        ("resources", {"environment": {"A": "b"}}),
        ("recipes", [{"prune": "none", "quantize": ["int8"]}]),  # the champion's is applied whatever it says
        ("name", "another"),
    ],
)
def test_what_has_no_part_in_it_is_not_judged_again(served: Service, section: str, setting: object) -> None:
    judged(served)
    served.config[section] = setting
    assert served.retrain().status == "up_to_date"


def save_archive(path: Path, seed: int) -> None:
    import keras

    keras.utils.set_random_seed(seed)
    outputs = keras.layers.Dense(3, activation="softmax")
    keras.Sequential([keras.Input((2,)), outputs]).save(path)


@pytest.mark.slow
def test_a_changed_archive_is_judged(served: Service, tmp_path: Path) -> None:
    archive = tmp_path / "model.keras"
    # In a process of its own: what the stages fork must not have run TensorFlow.
    assert children.run("archive", save_archive, archive, 1) is None
    served.config["model"] = {"archive": str(archive)}
    judged(served)
    assert served.retrain().status == "up_to_date"
    assert children.run("archive", save_archive, archive, 2) is None
    assert served.retrain(spoiled=BAD).status == "champion_kept"


def test_another_champion_is_challenged(served: Service) -> None:
    judged(served)
    served.retrain(padding=100, forced=FORCED)
    served.write("march.csv", rows(20, seed=3))
    served.retrain(spoiled=BAD)
    switch.rollback(str(served.target))
    assert served.retrain(spoiled=BAD).status == "champion_kept"


def test_force_judges_again(served: Service) -> None:
    judged(served)
    result = served.retrain(forced=FORCED)
    assert (result.status, served.champion()["version"]) == ("deployed", 2)
    assert "1 file new: train/february.csv" in told(result)


def test_a_run_that_goes_on_judges_again(served: Service) -> None:
    judged(served)
    assert check_data.run(served.text, str(served.root / "run-2"))
    assert not check_data.run(served.text, served.new_run().run)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\x00", b'{"run": "r"}'])
def test_a_damaged_memory_is_judged_again_and_mended(served: Service, content: bytes) -> None:
    judged(served)
    for file in (served.target / "judged").iterdir():
        file.write_bytes(content)
    assert served.retrain(spoiled=BAD).status == "champion_kept"
    assert served.retrain().status == "up_to_date"


def test_without_a_memory_it_is_judged_and_the_champion_stays(
    served: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    (served.target / "judged").write_text("not a directory")
    judged(served)
    assert "warning: what came out cannot be remembered" in capfd.readouterr().err


def test_a_champion_that_was_lost_and_found_is_challenged_until_it_can_be_served(served: Service) -> None:
    flip(served.target / "1" / "model.tflite")
    served.config["budget"]["max_size_kb"] = 0.1
    for _ in range(2):
        assert served.retrain().status == "over_budget"
    assert not (served.target / "judged").exists()


def test_what_is_not_within_the_budget_is_not_made_again(served: Service) -> None:
    served.write("february.csv", rows(300, seed=2))
    served.config["budget"]["max_size_kb"] = 0.1
    assert served.retrain().status == "over_budget"
    assert (
        "and its challenger was not promoted: no candidate is within the budget" in served.retrain().verdict
    )


def test_a_rollback_is_not_undone_by_the_next_retraining(service: Service) -> None:
    service.retrain(spoiled=BAD)
    service.write("february.csv", rows(300, seed=2))
    assert service.retrain().status == "deployed"
    switch.rollback(str(service.target))
    result = service.retrain()
    assert (result.status, service.champion()["version"]) == ("up_to_date", 1)
    assert "its challenger was promoted as v2, which is not in service any more: better than v1" in told(
        result
    )
    service.write("march.csv", rows(100, seed=3))
    assert service.retrain().status == "deployed"


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


# By force


def test_force_retrains_without_new_data(served: Service) -> None:
    result = served.retrain(padding=100, forced=FORCED)
    assert (result.status, served.champion()["version"]) == ("deployed", 2)
    assert result.retrain.reasons == [f"it is forced by {FORCED[0]}: {FORCED[1]}"]
    assert result.verdict.startswith(
        "Deployed none--float16 as v2, forced by ada@lab (the label was wrong for a week): "
    )


def test_force_promotes_a_worse_challenger_and_says_who_and_why(
    served: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    served.write("february.csv", rows(300, seed=2))
    result = served.retrain(spoiled=BAD, forced=FORCED)
    assert (result.status, served.champion()["version"]) == ("deployed", 2)
    assert result.retrain.comparison.finding == "worse"
    assert "the challenger is promoted, as it is forced: worse than v1" in capfd.readouterr().err
    assert result.retrain.forced.model_dump() == {"by": FORCED[0], "reason": FORCED[1]}
    move = served.champion()["history"][-1]
    assert (move["by"], move["forced"], move["version"]) == (FORCED[0], True, 2)
    assert move["reason"].startswith(f"{FORCED[1]} (worse than v1")


def test_force_cannot_promote_what_is_over_the_budget(served: Service) -> None:
    served.config["budget"]["max_size_kb"] = 0.1
    result = served.retrain(forced=FORCED)
    assert (result.status, served.champion()["version"]) == ("over_budget", 1)


def test_a_forced_run_that_goes_on_after_it_has_promoted_does_not_do_it_twice(served: Service) -> None:
    served.retrain(padding=100, forced=FORCED)
    by, reason = FORCED
    assert not check_data.run(served.text, str(served.root / "run-2"), by, reason)
    result = served.report(Home(served.root, run="run-2"))
    assert result.verdict == "Nothing new: this run has made champion v2 already."
    assert result.deployed == str(served.target / "2")


# Two at once

DEPLOY = """
import json, sys, time
from trimtab.stages import deploy
arguments, at = json.loads(sys.argv[1]), float(sys.argv[2])
time.sleep(max(0, at - time.time()))
deploy.run(*arguments)
"""


def test_of_two_that_race_exactly_one_is_promoted(served: Service) -> None:
    served.config["retrain"] = {"max_accuracy_drop": 0.05}
    served.write("february.csv", rows(300, seed=2))
    homes = [served.new_run() for _ in range(2)]
    for home in homes:
        check_data.run(served.text, home.run)
    promoted = [
        served.challenge(home, padding=100 * number, forced=FORCED) for number, home in enumerate(homes)
    ]
    start = str(time.time() + 3)
    racing = [
        subprocess.Popen([sys.executable, "-c", DEPLOY, json.dumps(one), start], stderr=subprocess.DEVNULL)
        for one in promoted
    ]
    codes = [process.wait(timeout=300) for process in racing]
    assert sorted(codes) == [0, 1]
    champion = served.champion()
    assert [move["version"] for move in champion["history"]] == [1, champion["version"]]
    results = [served.report(home) for home in homes]
    winner, loser = results if codes[0] == 0 else results[::-1]
    assert (winner.status, winner.deployed) == ("deployed", str(served.target / str(champion["version"])))
    assert (loser.status, loser.deployed) == ("failed", None)
    assert "another deployment moved the pointer first" in loser.verdict
    assert f"version {champion['version']}, by {FORCED[0]}" in loser.verdict


def test_a_champion_that_changed_meanwhile_is_not_replaced(served: Service) -> None:
    served.write("february.csv", rows(300, seed=2))
    slow = served.new_run()
    check_data.run(served.text, slow.run)
    arguments = served.challenge(slow, forced=FORCED)
    served.retrain(padding=100, forced=FORCED)
    before = (served.target / "champion.json").read_bytes()
    with pytest.raises(SystemExit):
        deploy.run(*arguments)
    assert (served.target / "champion.json").read_bytes() == before
    assert "the model was not deployed: another deployment" in served.report(slow).verdict
