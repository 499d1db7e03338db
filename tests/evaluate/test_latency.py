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
from trimtab.evaluate import latency, worker
from trimtab.evaluate.turns import Served


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


@pytest.fixture
def taken(monkeypatch):
    """Returns what is asked of processes, as ``(process, name, round)``, and five times 40 rounds of it."""
    asked, take = [], worker.WorkerTurns.take

    def spy(self, names, number):
        asked.extend((self._process.pid, name, number, gc.isenabled()) for name in names)
        return take(self, names, number)

    monkeypatch.setattr(worker.WorkerTurns, "take", spy)
    monkeypatch.setattr(latency, "planned_rounds", lambda seconds: 200)
    return asked


def test_rounds_are_interleaved_in_random_order_with_the_collector_off(models, examples, taken):
    latency.measure(models, dict.fromkeys(models, examples), threads=1, seed=3)
    rounds = np.array([name for _, name, _, _ in taken]).reshape(200, 2)
    assert all(set(pair) == {"small", "large"} for pair in rounds)
    assert [number for _, _, number, _ in taken] == [number for number in range(200) for _ in range(2)]
    assert 50 < (rounds[:, 0] == "small").sum() < 150
    assert not any(collecting for *_, collecting in taken)
    assert gc.isenabled()


def test_a_latency_has_the_interval_of_five_processes(models, examples, taken):
    found, runs = latency.measure(models, dict.fromkeys(models, examples), threads=1)
    assert runs == 200
    processes = [pid for pid, *_ in taken[::80]]
    assert len(set(processes)) == latency.PROCESSES
    assert [pid for pid, *_ in taken] == [pid for pid in processes for _ in range(80)]
    for measured in found.values():
        assert len(measured.medians) == latency.PROCESSES
        low, high = measured.p50_interval
        assert low <= np.exp(np.log(measured.medians).mean()) <= high
        assert measured.p50_upper == max(high, measured.p50)


def test_the_interval_keeps_its_level_over_processes():
    """One process is off by 5 % from the next: the mean of all is inside in 95 % of 2,000 measurements."""
    generator = np.random.default_rng(0)
    measured = np.exp(generator.normal(0, 0.05, (2000, latency.PROCESSES)))
    inside = [low <= 1 <= high for low, high in map(latency.interval, measured)]
    assert 0.935 < np.mean(inside) < 0.965


def test_one_process_has_no_interval():
    found = latency.summary(np.full((1, 20), 1_000_000), threads=1)
    assert (found.p50, found.p50_interval, found.p50_upper) == (1.0, None, 1.0)


def test_a_speedup_is_of_the_same_processes():
    def measured(medians):
        return latency.summary(np.array([[value] * 3 for value in medians]) * 1_000_000, threads=1)

    slow, fast = measured([2, 4, 8, 4, 2]), measured([1, 2, 4, 2, 1])
    assert latency.speedup(slow, fast) == pytest.approx((2.0, 2.0))
    observed, least = latency.speedup(slow, measured([2, 1, 4, 2, 1]))
    assert observed == pytest.approx(2.0)
    assert 0 < least < 1.9


@pytest.mark.parametrize(
    ("seconds", "rounds"),
    [(0.0, 1000), (0.001, 1000), (0.01, 300), (0.1, 200), (0.5, 200), (1.0, 120), (60.0, 20)],
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


def test_runtimes_are_measured_in_processes_of_their_own_in_the_same_rounds(several, examples, taken):
    found, runs = latency.measure(several, dict.fromkeys(several, examples), threads=1)
    assert runs == 200
    assert found["large"].p50 > 5 * found["small"].p50
    processes = {name: {pid for pid, asked, *_ in taken if asked == name} for name in several}
    assert processes["small"] == processes["large"]
    assert not processes["small"] & processes["toy"]
    assert all(len(pids) == latency.PROCESSES for pids in processes.values())
    rounds = [{name for _, name, number, _ in taken if number == turn} for turn in range(200)]
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
