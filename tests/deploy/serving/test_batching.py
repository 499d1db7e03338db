"""Which thread computes: a small model's rows are not handed over."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

from trimtab.batch import INPUT
from trimtab.deploy.serving.batching import Batcher
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.resized import ResizedModel


class Model:
    def __init__(self, row_s):
        self.row_s, self.computed_by = row_s, []

    def predict(self, x):
        self.computed_by.append(threading.current_thread().name)
        time.sleep(self.row_s)
        return x


def computed_by(model, row_s, rows=1):
    """Returns where three requests were computed."""
    x = {INPUT: np.zeros((rows, 4), np.float32)}

    async def ask():
        batcher = Batcher(model, [ResizedModel(model, None)], row_s, Limits(), Metrics())
        for _ in range(3):
            await batcher.predict(x)
        batcher.close()

    asyncio.run(ask())
    return ["inference" if name == "inference" else "loop" for name in model.computed_by]


def test_a_small_model_is_computed_on_the_spot():
    assert computed_by(Model(0), 1e-6) == ["loop"] * 3


def test_what_takes_longer_goes_to_threads():
    assert computed_by(Model(0.002), 0.002) == ["inference"] * 3


def test_a_busy_moment_at_the_start_does_not_decide_for_good(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", iter(np.arange(0, 1, 1e-5)).__next__)  # not this machine's
    assert computed_by(Model(0), 0.1) == ["inference", "loop", "loop"]


@pytest.mark.parametrize("rows", [8, 64])
def test_what_a_resized_model_takes_says_nothing_of_one_row(rows):
    assert computed_by(Model(0), 0.1, rows) == ["inference"] * 3
