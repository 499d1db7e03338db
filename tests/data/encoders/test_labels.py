from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trimtab.data.encoders.labels import encode_labels
from trimtab.data.schema import Column, DatasetSchema, TensorSpec


def _schema(**fields: Any) -> DatasetSchema:
    spec = TensorSpec(kind="tabular", shape=(1,), stored_dtype="float32")
    columns = [Column(name="x", kind="numeric")]
    return DatasetSchema(label="y", columns=columns, input=spec, preprocessing={}, **fields)


def _rows(column: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column], names=["y"])


@pytest.mark.parametrize(
    ("classes", "values"),
    [
        (["0", "1"], [1, 0, None, 7]),
        (["0", "1"], [1.0, 0.0, np.nan, 0.5]),
        (["false", "true"], [True, False, None, None]),
        (["a", "b"], [" b", "a", "", "c"]),
    ],
)
def test_class_labels_are_indices_of_canonical_names(classes: list[str], values: list[object]) -> None:
    y, usable = encode_labels(_rows(pa.array(values)), _schema(task="classification", classes=classes))
    assert y.dtype == np.int64
    assert y.tolist() == [1, 0, 0, 0]
    assert usable.tolist() == [True, True, False, False]


def test_regression_labels_are_standardized() -> None:
    schema = _schema(task="regression", label_mean=10.0, label_std=4.0)
    y, usable = encode_labels(_rows(pa.array(["12", "x", None, "6"])), schema)
    assert y.dtype == np.float32
    assert y.tolist() == [0.5, 0, 0, -1]
    assert usable.tolist() == [True, False, False, True]
