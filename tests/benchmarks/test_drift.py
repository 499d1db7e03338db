"""What drift is found, and how often for nothing: ``benchmarks/drift.py``, in short."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

CHANGES = ["a mean by 0.3 sd", "a class doubles", "a category triples", "gaps double"]


@pytest.fixture(scope="module")
def drift(root: Path) -> ModuleType:
    """Returns the benchmark as a module."""
    spec = importlib.util.spec_from_file_location("drift", root / "benchmarks/drift.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_change_is_asked(drift: ModuleType) -> None:
    assert list(drift.CHANGES) == CHANGES


@pytest.mark.parametrize("change", CHANGES)
def test_what_matters_is_found(drift: ModuleType, change: str) -> None:
    """At a power of 0.9, 20 runs find it fewer than 14 times with a probability of 0.2 %."""
    case = drift.simulated(change, rows=2000, columns=6, runs=20, seed=1)
    assert case["found"] >= 14 / 20
    assert case["false"] <= 3 / 20


def test_nothing_is_found_where_nothing_has_changed(drift: ModuleType) -> None:
    """At 1 % over all columns, more than 3 of 40 runs have a false alarm with a probability of 0.07 %."""
    assert drift.simulated("", rows=2000, columns=10, runs=40, seed=2)["false"] <= 3 / 40
