"""Retraining by force, and two that retrain at once: see docs/retraining.md."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from stages.home import Home
from stages.retraining import BAD, FORCED, Service, rows

from trimtab.stages import check_data, deploy


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
