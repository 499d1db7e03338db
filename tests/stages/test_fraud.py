"""A table of which 1 % is fraud: what a limit of the accuracy alone ships, and what other limits refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression
from stages.home import Home

from trimtab.artifacts import selection as selections
from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.selection import CandidateResult, Selection
from trimtab.artifacts.shard import QUANTIZED, Outcome
from trimtab.config.config import Config
from trimtab.report.words import proof as words
from trimtab.stages import data_prep, evaluate, select

pytestmark = pytest.mark.usefixtures("forked", "constant_latency")

ROWS, COLUMNS = 20_000, 5
BASELINE, GOOD, BLIND = "none--none", "none--float16", "none--dynamic_int8"


def config(source: Path, **budget: Any) -> Config:
    return Config.model_validate(
        {
            "data": {
                "train": str(source),
                "label": "kind",
                "drop": ["region"],
                "split": {"test": 0.4},
                "workers": 1,
            },
            "model": {"architecture": "mlp"},
            "recipes": [[["none", "float16", "dynamic_int8"]]],
            "budget": {"objective": "size", **budget},
        }
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns transactions, some of whose frauds look like any other."""
    random = np.random.default_rng(0)
    fraud = random.random(ROWS) < 0.01
    x = random.normal(size=(ROWS, COLUMNS)) + 3.0 * fraud[:, None] * random.random((ROWS, 1))
    columns: dict[str, Any] = {f"x{place}": x[:, place] for place in range(COLUMNS)}
    columns["region"] = random.choice(["north", "south"], ROWS)
    columns["kind"] = np.where(fraud, "fraud", "fine")
    path = tmp_path_factory.mktemp("fraud") / "transactions.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    source: Path,
    linear_tflite: Callable[..., bytes],
    plain_numbers: None,
) -> Home:
    """Returns a run with a good model, its half-precision form, and a small one that is blind to fraud."""
    home = Home(tmp_path_factory.mktemp("runs") / "runs")
    home.dataset = data_prep.run(home.run, config(source, slices=["region"]).model_dump_json())
    x, y = home.data().arrays("train")
    fitted = LogisticRegression(C=100).fit(home.data().model_input(x), y)
    weights = np.concatenate([-fitted.coef_, fitted.coef_]).astype(np.float32)
    bias = np.array([-fitted.intercept_[0], fitted.intercept_[0] + 1.5], np.float32)
    home.model()
    blind = weights * np.array([[1, -1, 1, -1, 0]])
    home.file(BASELINE, linear_tflite(weights, bias) + bytes(30_000))
    home.file(GOOD, linear_tflite(weights.astype(np.float16), bias) + bytes(15_000))
    home.file(BLIND, linear_tflite(blind, bias - np.array([0, 9])))
    return home


def selected(made: Home, source: Path, tmp_path: Path, **budget: Any) -> tuple[Selection, Home]:
    home = made.copy(tmp_path / "runs")
    home.configure(config(source, **budget))
    home.dataset = made.dataset
    outcomes = {name: Outcome(ref=f"file/{name}") for name in (BASELINE, GOOD, BLIND)}
    evaluations = [evaluate.run(home.run, "1/1", home.dataset, home.outcomes(QUANTIZED, outcomes))]
    select.run(home.run, home.dataset, "model/trained", evaluations)
    return selections.read(home.run)[1], home


def candidate(selection: Selection, name: str) -> CandidateResult:
    return next(one for one in selection.candidates if one.id == name)


def test_under_the_accuracy_alone_a_model_ships_that_finds_no_fraud_and_that_is_said(
    made: Home, source: Path, tmp_path: Path
) -> None:
    selection, _ = selected(made, source, tmp_path, max_accuracy_drop=0.01)
    assert selection.chosen == BLIND
    blind = candidate(selection, BLIND)
    assert candidate(selection, BASELINE).per_class["fraud"].recall > 0.3
    assert blind.per_class["fraud"].recall == 0
    assert blind.drop is not None
    assert blind.drop.upper_bound < 0.01
    assert blind.flags[0].startswith("balanced accuracy falls by ")
    assert "But its balanced accuracy falls by" in selection.verdict
    assert candidate(selection, GOOD).flags == []


@pytest.mark.parametrize(
    "budget",
    [
        {"limits": [{"metric": "recall", "class": "fraud", "max_drop": 0.15}]},
        {"limits": [{"metric": "roc_auc", "max_drop": 0.02}]},
        {"per_class": {"metric": "recall", "max_drop": 0.15}},
        {"max_accuracy_drop": 0.01, "per_class": {"metric": "recall", "max_drop": 0.15}},
    ],
    ids=["recall", "roc_auc", "per_class", "accuracy_and_per_class"],
)
def test_under_limits_of_recall_or_auc_it_is_refused(
    made: Home, source: Path, tmp_path: Path, budget: dict[str, Any]
) -> None:
    selection, _ = selected(made, source, tmp_path, **budget)
    assert selection.chosen == GOOD
    blind, good = candidate(selection, BLIND), candidate(selection, GOOD)
    assert not blind.within_budget
    assert not all(test.holds for test in blind.limits)
    assert all(test.holds for test in good.limits)
    assert [test.limit for test in good.limits] == [limit.name for limit in selection.proof.limits]
    assert all(test.method and test.value is not None for test in good.limits)
    before = candidate(selection, BASELINE).per_class
    assert all(before[name].recall - found.recall <= 0.15 for name, found in good.per_class.items())


def test_what_rests_on_few_frauds_is_an_estimate_in_every_place(
    made: Home, source: Path, tmp_path: Path
) -> None:
    limits = [{"metric": "precision", "class": "fraud", "max_drop": 0.3}]
    slices = [{"column": "region", "limits": limits}]
    selection, _ = selected(made, source, tmp_path, max_accuracy_drop=0.05, slices=slices)
    assert selection.proof.proven is False
    assert "precision of fraud where region = north" in selection.proof.why_not
    assert "examples of the rarest class" in selection.proof.why_not
    assert [test.proven for test in candidate(selection, GOOD).limits] == [True, False, False]

    assert words.claim(selection.proof).startswith("estimated accuracy at most 5.00 points below")
    assert "confidence" not in words.claim(selection.proof)


def test_a_baseline_that_is_not_proven_to_keep_a_floor_ships_nothing(
    made: Home, source: Path, tmp_path: Path
) -> None:
    floor = {"metric": "recall", "class": "fraud", "min": 0.95}
    selection, _ = selected(made, source, tmp_path, limits=[floor])
    assert selection.chosen is None
    assert selection.proof.stopped_at == [BASELINE]
    assert set(selection.proof.not_tested) == {GOOD, BLIND}
    assert "recall of fraud must be at least 95.00 %" in selection.verdict
    within = selected(made, source, tmp_path / "low", limits=[{**floor, "min": 0.1}])[0]
    assert within.chosen == GOOD
    assert within.proof.tested[0].candidate == BASELINE


def test_slices_are_of_columns_that_the_model_does_not_see(made: Home, source: Path, tmp_path: Path) -> None:
    selection, home = selected(made, source, tmp_path, max_accuracy_drop=0.05, slices=["region"])
    assert "region" not in [column.name for column in home.data().schema.columns]
    assert [limit.name for limit in selection.proof.limits] == [
        "accuracy",
        "accuracy where region = north",
        "accuracy where region = south",
    ]


def test_data_prep_says_that_the_accuracy_is_blind_and_what_is_missing(source: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "runs")
    data_prep.run(home.run, config(source, max_accuracy_drop=0.01).model_dump_json())
    (warning,) = [w for w in home.record("data_prep").read(DatasetSummary).warnings if "fraud" in w]
    assert "of the test rows are of class fraud: a model that never finds it loses no more than" in warning
    home = Home(tmp_path / "other")
    asked = config(source, limits=[{"metric": "recall", "class": "theft", "max_drop": 0.1}])
    with pytest.raises(SystemExit) as stopped:
        data_prep.run(home.run, asked.model_dump_json())
    assert stopped.value.code == 2
    assert "there is no class 'theft'; the classes are fine, fraud" in home.record("data_prep").error


def test_a_limit_of_a_class_that_its_rows_cannot_prove_ends_the_run_before_training(
    source: Path, tmp_path: Path
) -> None:
    home = Home(tmp_path / "runs")
    asked = config(source, limits=[{"metric": "recall", "class": "fraud", "max_drop": 0.02}])
    with pytest.raises(SystemExit) as stopped:
        data_prep.run(home.run, asked.model_dump_json())
    assert stopped.value.code == 4
    assert "points in recall of fraud at best, if every answer stays; 150 would be needed for 2" in (
        home.record("data_prep").error
    )
