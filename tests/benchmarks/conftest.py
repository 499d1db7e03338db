from __future__ import annotations

import importlib.util
import sys

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def _one_thread():
    """Lets simulations multiply on one thread: several wait for each other in loops, at others' cost."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def benchmark(root):
    """Returns a function that imports a benchmark by its name, as it is imported where it is run."""

    def load(name):
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, root / f"benchmarks/{name}.py")
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        return sys.modules[name]

    return load
