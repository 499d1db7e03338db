"""A model's answers against labels of another schema: an older model, asked about new data."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.tasks.registry import task


def schema(**meaning: object) -> DatasetSchema:
    tensor = TensorSpec(kind="tabular", shape=(1,), stored_dtype="float32")
    return DatasetSchema(label="y", columns=[], input=tensor, preprocessing={}, **meaning)


def scores(outputs: np.ndarray, labels: np.ndarray, asked: DatasetSchema, own: DatasetSchema) -> np.ndarray:
    return task(asked.task).judging.scores(outputs, labels, asked, own)


def test_classes_go_by_name_and_those_that_only_one_side_knows_are_wrong() -> None:
    own, asked = (
        schema(task="classification", classes=names) for names in (["a", "b", "x"], ["b", "c", "a"])
    )
    outputs = np.eye(3)[[0, 1, 2, 0]]
    labels = np.array([2, 0, 0, 1])  # a, b, b, c
    assert scores(outputs, labels, asked, own).tolist() == [1, 1, 0, 0]


def test_errors_are_in_the_unit_of_the_label_whatever_each_schema_made_of_it() -> None:
    own = schema(task="regression", label_mean=100.0, label_std=10.0)
    asked = schema(task="regression", label_mean=50.0, label_std=2.0)
    outputs, labels = np.array([[0.0], [1.0]]), np.array([25.0, 30.0], np.float32)
    assert scores(outputs, labels, asked, own) == pytest.approx([0.0, 0.0])
    assert scores(outputs + 0.1, labels, asked, own) == pytest.approx([1.0, 1.0])
