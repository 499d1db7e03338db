"""The defaults beside scikit-learn's: ``benchmarks/defaults.py``, on the smallest set."""

from __future__ import annotations

import json
import sys

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture
def defaults(benchmark, monkeypatch):
    """Returns the benchmark, with as few steps as say that all is in place."""
    monkeypatch.setattr("trimtab.train.settings._settled", lambda train, data: train)
    return benchmark("defaults")


def test_a_line_says_how_far_the_defaults_are_from_the_best_other(defaults, tmp_path, monkeypatch, capsys):
    found = tmp_path / "found.jsonl"
    monkeypatch.setattr(
        sys, "argv", ["defaults", "--sets", "iris", "sst2", "--data", str(tmp_path), "--json", str(found)]
    )
    with threadpool_limits(1):  # threads of trees wait in loops, which takes seconds where others work
        status = defaults.main()
    (line,) = map(json.loads, found.read_text().splitlines())
    assert line["set"] == "iris"
    assert line["rows"] == 150
    assert line["gaps"] == [line["gap"]]
    assert line["best_other"] == max(line["others"].values())
    assert line["gap"] == pytest.approx(100 * (line["best_other"] - line["ours"]), abs=0.02)
    assert line["holds"] == (line["gap"] <= 1.0)
    assert status == (0 if line["holds"] else 1)
    assert "sst2: it is not here" in capsys.readouterr().err


def test_gaps_are_points_of_accuracy_and_shares_of_an_error(defaults):
    assert defaults._gap("accuracy", 0.9, 0.92) == pytest.approx(2.0)
    assert defaults._gap("mae", 110.0, 100.0) == pytest.approx(10.0)
    assert defaults._gap("roc_auc", 0.81, 0.9) == pytest.approx(10.0)
