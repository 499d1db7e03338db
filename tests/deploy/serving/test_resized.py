"""Several rows at a time: the same answers, and only where that is proven."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.batch import INPUT, OUTPUT, take
from trimtab.deploy.serving import resized
from trimtab.errors import ModelError
from trimtab.runtimes.litert.model import LiteRTModel


@pytest.fixture
def file(tmp_path, linear_tflite):
    path = tmp_path / "model.tflite"
    path.write_bytes(linear_tflite(np.random.default_rng(0).normal(size=(10, 64)) / 8, shape=(8, 8, 1)))
    return path


@pytest.fixture
def x():
    return {INPUT: np.random.default_rng(1).normal(size=(20, 8, 8, 1)).astype(np.float32)}


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 16, 20])
def test_answers_are_the_same(file, x, rows):
    one, many = LiteRTModel(file), LiteRTModel(file, batch=resized.ROWS)
    x = take(x, 0, rows)
    found = resized.ResizedModel(one, many).predict(x)[OUTPUT]
    np.testing.assert_array_equal(found, one.predict(x)[OUTPUT])
    np.testing.assert_array_equal(resized.ResizedModel(one, None).predict(x)[OUTPUT], found)


@pytest.mark.parametrize("limit", [np.inf, 0.0])
def test_it_must_be_faster(file, x, monkeypatch, limit):
    monkeypatch.setattr(resized, "FASTER", limit)
    assert resized.gains(LiteRTModel(file), lambda: LiteRTModel(file, batch=8), take(x, 0, 11)) == (limit > 0)


@pytest.mark.parametrize("row", [0, 10])
def test_what_answers_differently_by_a_bit_gains_nothing(file, x, monkeypatch, row):
    monkeypatch.setattr(resized, "FASTER", np.inf)
    one = LiteRTModel(file)

    class Other:
        def predict(self, x):
            y = one.predict(x)[OUTPUT]
            y[row, 3] = np.nextafter(y[row, 3], np.float32(1))
            return {OUTPUT: y}

    assert not resized.gains(Other(), lambda: LiteRTModel(file, batch=8), take(x, 0, 11))


def test_what_cannot_be_resized_gains_nothing(file, x, monkeypatch):
    monkeypatch.setattr(resized, "FASTER", np.inf)
    one = LiteRTModel(file)
    file.write_bytes(b"TFL3")
    assert not resized.gains(one, lambda: LiteRTModel(file, batch=8), x)


def test_what_is_slow_is_timed_once(monkeypatch):
    monkeypatch.setattr(resized, "_TIMED_S", 5.0)
    ran = []
    monkeypatch.setattr(resized.time, "perf_counter", lambda: 7.0 * len(ran))
    assert resized.seconds(lambda: ran.append(1)) == 7.0
    assert len(ran) == 1


def test_a_batch_that_is_not_whole_is_a_typed_error(file, x):
    with pytest.raises(ModelError, match="expected 8 examples at a time, found 20"):
        LiteRTModel(file, batch=8).predict(x)
