"""Several rows at a time: the same answers, and only where that is proven."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.deploy.serving import resized
from trimtab.errors import ModelError
from trimtab.evaluate.litert import LiteRTModel


@pytest.fixture
def file(tmp_path, linear_tflite):
    path = tmp_path / "model.tflite"
    path.write_bytes(linear_tflite(np.random.default_rng(0).normal(size=(10, 64)) / 8, shape=(8, 8, 1)))
    return path


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(20, 8, 8, 1)).astype(np.float32)


def make(file, x):
    return resized.ResizedModel(LiteRTModel(file), file, x[:11])


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 16, 20])
@pytest.mark.parametrize("limit", [np.inf, 0.0])
def test_answers_are_the_same(file, x, monkeypatch, rows, limit):
    monkeypatch.setattr(resized, "FASTER", limit)
    model = make(file, x)
    assert (model.many is not None) == (limit > 0)
    np.testing.assert_array_equal(model.predict(x[:rows]), LiteRTModel(file).predict(x[:rows]))


@pytest.mark.parametrize("row", [0, 10])
def test_what_answers_differently_by_a_bit_is_not_used(file, x, monkeypatch, row):
    monkeypatch.setattr(resized, "FASTER", np.inf)
    one = LiteRTModel(file)

    class Other:
        def predict(self, x):
            y = one.predict(x)
            y[row, 3] = np.nextafter(y[row, 3], np.float32(1))
            return y

    assert resized.ResizedModel(Other(), file, x[:11]).many is None


def test_what_cannot_be_resized_is_not_used(file, x, monkeypatch):
    monkeypatch.setattr(resized, "FASTER", np.inf)
    one = LiteRTModel(file)
    file.write_bytes(b"TFL3")
    model = resized.ResizedModel(one, file, x)
    assert model.many is None
    assert len(model.predict(x)) == 20


def test_a_batch_that_is_not_whole_is_a_typed_error(file, x):
    with pytest.raises(ModelError, match="expected 8 examples at a time, found 20"):
        LiteRTModel(file, batch=8).predict(x)
