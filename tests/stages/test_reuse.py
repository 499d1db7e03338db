"""Test rows that decide again: what select makes of it, and says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stages.conftest import five_candidates
from stages.home import Home

from trimtab.artifacts import selection as selections
from trimtab.artifacts.selection import Selection
from trimtab.artifacts.shard import QUANTIZED, Outcome
from trimtab.config.proof import ProofSettings
from trimtab.deploy import ledger
from trimtab.deploy.repository import Repository
from trimtab.stages import evaluate, select


class Runs:
    """Runs beside each other, which ship to one target."""

    def __init__(self, home: Home, candidates: dict[str, Outcome], target: str) -> None:
        self._home, self._candidates, self._target = home, candidates, target

    def select(self, run: str, reuse: str = "warn", **budget: Any) -> Selection:
        config = five_candidates(**{"max_accuracy_drop": 0.02, **budget})
        home, deploy = self._home, config.deploy.model_copy(update={"target": self._target})
        home.run = str(home.output / run)
        changed = {"deploy": deploy, "proof": ProofSettings.model_validate({"reuse": reuse})}
        home.configure(config.model_copy(update=changed))
        evaluated = evaluate.run(home.run, "1/1", home.dataset, home.outcomes(QUANTIZED, self._candidates))
        select.run(home.run, home.dataset, "model/trained", [evaluated])
        return selections.read(home.run)[1]


@pytest.fixture
def runs(home: Home, digits_candidates: dict[str, Outcome], tmp_path: Path, constant_latency: None) -> Runs:
    return Runs(home, digits_candidates, str(tmp_path / "deployed"))


def test_the_first_decision_says_nothing_and_the_second_that_it_is_one(runs: Runs, tmp_path: Path) -> None:
    first, second = runs.select("one"), runs.select("two")
    assert (first.proof.reuse.decisions, second.proof.reuse.decisions) == (1, 2)
    assert "Decision" not in first.verdict
    assert "Decision 2 on these test rows (2 under these limits): 95 % confidence is that of each" in (
        second.verdict
    )
    assert first.proof.confidence == second.proof.confidence == 0.95
    made = ledger.read(Repository(str(tmp_path / "deployed"))).decisions
    assert [Path(one.run).name for one in made] == ["one", "two"]


def test_a_run_that_goes_on_is_the_same_decision(runs: Runs) -> None:
    runs.select("one")
    assert runs.select("one").proof.reuse.decisions == 1


def test_other_limits_use_the_rows_up_as_well(runs: Runs) -> None:
    runs.select("one")
    used = runs.select("two", max_accuracy_drop=0.03).proof.reuse
    assert (used.decisions, used.same_limits) == (2, 1)


def test_spent_decisions_are_tested_at_their_part_of_the_risk(runs: Runs) -> None:
    confidences = [runs.select(run, reuse="spend").proof.confidence for run in ("one", "two", "three")]
    assert confidences == pytest.approx([1 - 0.05 / 2, 1 - 0.05 / 6, 1 - 0.05 / 12])
    last = runs.select("four", reuse="spend")
    assert last.proof.tested[0].confidence == pytest.approx(1 - 0.05 / 20)
    assert "Decision 4 on these test rows (4 under these limits): it takes 1/20 of the risk" in last.verdict
