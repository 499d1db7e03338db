"""A table of rows with several labels: every metric of them limits what ships, by a run's own stages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, recall_score
from stages.home import Home

from trimtab.artifacts import selection as selections
from trimtab.artifacts.evaluation import read_test
from trimtab.artifacts.selection import CandidateResult, Selection
from trimtab.artifacts.shard import EVALUATED, QUANTIZED, Outcome
from trimtab.config.config import Config
from trimtab.stages import data_prep, evaluate, select

pytestmark = pytest.mark.usefixtures("forked", "constant_latency")

ROWS, LABELS = 6_000, ("blue", "green", "red")
BASELINE, GOOD, BLIND = "none--none", "none--float16", "none--dynamic_int8"
FLATTEN = 0.01
"""Linear answers are between 0 and 1 where they hardly rise; thresholds are chosen on validation rows."""


def config(source: Path, **budget: Any) -> Config:
    return Config.model_validate(
        {
            "data": {
                "train": str(source),
                "label": "labels",
                "task": "multilabel",
                "workers": 1,
                "split": {"test": 0.4},
            },
            "model": {"architecture": "mlp"},
            "recipes": [[["none", "float16", "dynamic_int8"]]],
            "budget": {"objective": "size", **budget},
        }
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, len(LABELS)))
    there = x + random.normal(0, 0.5, x.shape) > np.array([0.0, 0.3, 0.8])
    columns: dict[str, Any] = {f"x{place}": x[:, place] for place in range(x.shape[1])}
    columns["labels"] = ["|".join(np.array(LABELS)[row]) for row in there]
    path = tmp_path_factory.mktemp("several") / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, source: Path, linear_tflite: Callable[..., bytes]) -> Home:
    """Returns a run with a good model, one that is nearly it, and a small one that cannot tell red."""
    home = Home(tmp_path_factory.mktemp("runs") / "runs")
    home.dataset = data_prep.run(home.run, config(source).model_dump_json())
    x, y = home.data().arrays("train")
    inputs = home.data().model_input(x)
    fitted = [LogisticRegression().fit(inputs, y[:, place]) for place in range(y.shape[1])]
    weights = FLATTEN * np.concatenate([one.coef_ for one in fitted]).astype(np.float32)
    bias = 0.5 + FLATTEN * np.concatenate([one.intercept_ for one in fitted]).astype(np.float32)
    home.model()
    blind = weights * np.array([[1], [1], [0]], np.float32)
    home.file(BASELINE, linear_tflite(weights, bias, softmax=False) + bytes(30_000))
    home.file(GOOD, linear_tflite(weights * np.float32(1.001), bias, softmax=False) + bytes(15_000))
    home.file(BLIND, linear_tflite(blind, bias, softmax=False))
    return home


def selected(made: Home, source: Path, tmp_path: Path, **budget: Any) -> tuple[Selection, Path]:
    """Returns the selection, and where the answers of the good candidate are."""
    home = made.copy(tmp_path / "runs")
    home.configure(config(source, **budget))
    home.dataset = made.dataset
    outcomes = {name: Outcome(ref=f"file/{name}") for name in (BASELINE, GOOD, BLIND)}
    evaluations = [evaluate.run(home.run, "1/1", home.dataset, home.outcomes(QUANTIZED, outcomes))]
    select.run(home.run, home.dataset, "model/trained", evaluations)
    good = home.made(EVALUATED, evaluations[0])[GOOD].ref
    return selections.read(home.run)[1], home.path(good)


def candidate(selection: Selection, name: str) -> CandidateResult:
    return next(one for one in selection.candidates if one.id == name)


@pytest.mark.parametrize(
    "limit",
    [
        {"metric": "micro_f1", "max_drop": 0.03},
        {"metric": "macro_f1", "max_drop": 0.03},
        {"metric": "average_precision", "max_drop": 0.03},
        {"metric": "sample_f1", "max_drop": 0.03},
    ],
    ids=lambda limit: limit["metric"],
)
def test_a_model_that_has_unlearned_a_label_is_refused_under_any_of_them(
    made: Home, source: Path, tmp_path: Path, limit: dict[str, Any]
) -> None:
    selection, _ = selected(made, source, tmp_path, limits=[limit])
    assert selection.chosen == GOOD
    assert selection.proof.proven
    blind, good = (candidate(selection, name).limits[0] for name in (BLIND, GOOD))
    assert (blind.holds, good.holds) == (False, True)
    assert (blind.proven, good.proven) == (True, True)
    assert blind.upper_bound > blind.loss > 0.03 > good.upper_bound > good.loss


def test_their_values_are_those_of_scikit_learn(made: Home, source: Path, tmp_path: Path) -> None:
    limits = [{"metric": name, "max_drop": 0.5} for name in ("micro_f1", "macro_f1", "average_precision")]
    per_class = {"metric": "recall", "max_drop": 1.0}
    selection, good = selected(made, source, tmp_path, limits=limits, per_class=per_class)
    found = {test.limit: test.value for test in candidate(selection, GOOD).limits}
    labels, answers = made.data().labels("test") > 0, read_test(good).answers
    told = answers >= np.array(candidate(selection, GOOD).thresholds)
    assert found["micro F1"] == pytest.approx(f1_score(labels, told, average="micro"))
    assert found["macro F1"] == pytest.approx(f1_score(labels, told, average="macro"))
    assert found["mean average precision"] == pytest.approx(average_precision_score(labels, answers))
    for place, name in enumerate(LABELS):
        assert found[f"recall of {name}"] == pytest.approx(recall_score(labels[:, place], told[:, place]))
