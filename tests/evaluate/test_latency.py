from __future__ import annotations

import gc

import numpy as np
import pytest

from trimtab.batch import INPUT
from trimtab.errors import ModelError
from trimtab.evaluate import latency
from trimtab.evaluate.latency import Served


@pytest.fixture
def models(tmp_path, linear_tflite):
    """Returns two models of which one has fifty times the work of the other."""
    rng = np.random.default_rng(0)
    for name, outputs in {"small": 20, "large": 20_000}.items():
        weights = rng.normal(size=(outputs, 64)).astype(np.float32)
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.tflite").write_bytes(linear_tflite(weights, softmax=False))
    return {name: Served("litert", tmp_path / name) for name in ("small", "large")}


@pytest.fixture
def examples():
    return {INPUT: np.random.default_rng(1).normal(size=(16, 64)).astype(np.float32)}


def test_more_work_takes_longer_and_every_model_runs_at_least_200_times(models, examples):
    found, runs = latency.measure(models, dict.fromkeys(models, examples), threads=1)
    assert runs >= 200
    assert found["large"].p50 > 5 * found["small"].p50
    for measured in found.values():
        assert 0 < measured.p50 <= measured.p95 <= measured.p99
        assert measured.threads == 1


def test_the_same_file_twice_takes_the_same_time(models, examples):
    twice = dict.fromkeys(("one", "two"), models["large"])
    found, _ = latency.measure(twice, dict.fromkeys(twice, examples), threads=1)
    assert found["one"].p50 == pytest.approx(found["two"].p50, rel=0.15)


def test_rounds_are_interleaved_in_random_order_with_the_collector_off(models, examples, monkeypatch):
    turns, collecting = [], []
    timed = latency._timed

    def spy(model, example):
        turns.append(model.path.parent.name)
        collecting.append(gc.isenabled())
        return timed(model, example)

    monkeypatch.setattr(latency, "_timed", spy)
    monkeypatch.setattr(latency, "planned_rounds", lambda seconds: 200)
    latency.measure(models, dict.fromkeys(models, examples), threads=1, seed=3)
    rounds = np.array(turns[2 * latency.WARM_UP :]).reshape(200, 2)
    assert all(set(pair) == {"small", "large"} for pair in rounds)
    assert 50 < (rounds[:, 0] == "small").sum() < 150
    assert not any(collecting[2 * latency.WARM_UP :])
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("seconds", "rounds"),
    [(0.0, 2000), (0.001, 2000), (0.01, 500), (0.1, 200), (0.5, 200), (1.0, 120), (60.0, 20)],
)
def test_slow_models_run_less_often_but_never_under_the_minimum(seconds, rounds):
    assert latency.planned_rounds(seconds) == rounds


def test_a_damaged_model_is_a_typed_error(tmp_path, examples):
    (tmp_path / "model.tflite").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError):
        latency.measure({"bad": Served("litert", tmp_path)}, {"bad": examples}, threads=1)
