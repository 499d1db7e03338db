"""Other names lead to fields that there are, and stand in the way of none."""

from __future__ import annotations

import pytest

from trimtab.config import other_names
from trimtab.config.known import allowed_keys
from trimtab.config.other_names import meant, meant_value


@pytest.mark.parametrize(("field", "names"), other_names._NAMES.items())
def test_they_mean_fields_and_are_none(field, names):
    *section, name = field.split(".")
    fields = allowed_keys(tuple(section))
    assert name in fields
    assert not set(names.split()) & set(fields)


def test_the_own_section_comes_first():
    assert meant(("data", "target")) == ["data.label"]
    assert meant(("model", "LR")) == ["train.learning_rate"]
    assert set(meant(("train", "path"))) == {"data.train", "model.archive", "deploy.target"}
    assert meant(("data", "columns", "age", "type")) == []
    assert meant(("whatever",)) == []


def test_a_value_counts_for_its_field_alone():
    assert meant_value(("train", "loss"), "MSE") == "squared"
    assert meant_value(("runtimes", 0), "onnx") == "onnxruntime"
    assert meant_value(("data", "task"), "mse") is None
