from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from trimtab import registry
from trimtab.batch import INPUT
from trimtab.errors import ModelError
from trimtab.evaluate import latency, turns, worker
from trimtab.evaluate.turns import WARM_UP, Served


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
    taken, collecting = [], []
    timed = turns.timed

    def spy(model, example):
        taken.append(model.path.parent.name)
        collecting.append(gc.isenabled())
        return timed(model, example)

    monkeypatch.setattr(turns, "timed", spy)
    monkeypatch.setattr(latency, "planned_rounds", lambda seconds: 200)
    latency.measure(models, dict.fromkeys(models, examples), threads=1, seed=3)
    rounds = np.array(taken[2 * WARM_UP :]).reshape(200, 2)
    assert all(set(pair) == {"small", "large"} for pair in rounds)
    assert 50 < (rounds[:, 0] == "small").sum() < 150
    assert not any(collecting[2 * WARM_UP :])
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


@pytest.fixture
def several(models, tmp_path, monkeypatch):
    """Returns the models, and one of a toy runtime in numpy."""
    monkeypatch.setitem(registry.RUNTIMES, "numpy", "numpy_runtime")
    (tmp_path / "toy").mkdir()
    rng = np.random.default_rng(0)
    layer = {"kernel_0": rng.normal(size=(64, 10)).astype(np.float32), "bias_0": np.zeros(10, np.float32)}
    np.savez(tmp_path / "toy" / "model.npz", shape=(64,), activations=["relu"], **layer)
    return {**models, "toy": Served("numpy", tmp_path / "toy")}


def test_runtimes_are_measured_in_processes_of_their_own_in_the_same_rounds(several, examples, monkeypatch):
    monkeypatch.setattr(latency, "planned_rounds", lambda seconds: 200)
    asked, take = [], worker.WorkerTurns.take

    def spy(self, name, number):
        asked.append((self._process.pid, name, number))
        return take(self, name, number)

    monkeypatch.setattr(worker.WorkerTurns, "take", spy)
    found, runs = latency.measure(several, dict.fromkeys(several, examples), threads=1)
    assert runs == 200
    assert found["large"].p50 > 5 * found["small"].p50
    processes = {name: {pid for pid, asked_name, _ in asked if asked_name == name} for name in several}
    assert processes["small"] == processes["large"] != processes["toy"]
    assert all(len(pids) == 1 for pids in processes.values())
    rounds = [{name for _, name, number in asked if number == turn} for turn in range(200)]
    assert all(names == set(several) for names in rounds)
    assert not any(Path(f"/proc/{pid}").exists() for pids in processes.values() for pid in pids)


def test_the_clock_is_in_the_process_that_runs_the_model(models, several, examples):
    alone, _ = latency.measure(models, dict.fromkeys(models, examples), threads=1)
    beside, _ = latency.measure(several, dict.fromkeys(several, examples), threads=1)
    assert beside["large"].p50 == pytest.approx(alone["large"].p50, rel=0.5)


def test_a_damaged_model_in_another_process_is_a_typed_error(several, examples):
    (several["toy"].directory / "model.npz").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"toy/model\.npz"):
        latency.measure(several, dict.fromkeys(several, examples), threads=1)


def test_a_process_that_dies_is_a_typed_error(several, examples, monkeypatch):
    start = worker.WorkerTurns.warm_up

    def killed(self, name):
        os.kill(self._process.pid, signal.SIGSEGV)
        self._process.wait()
        return start(self, name)

    monkeypatch.setattr(worker.WorkerTurns, "warm_up", killed)
    with pytest.raises(ModelError, match="the models of litert died with SIGSEGV"):
        latency.measure(several, dict.fromkeys(several, examples), threads=1)
