import numpy as np
import pyarrow as pa
import pytest

from trimtab.data.encoders.serving import Preprocessor, encoder_of
from trimtab.data.schema import Column, DatasetSchema
from trimtab.errors import DataError


def _schema(kind: str, preprocessing: dict[str, object]) -> DatasetSchema:
    return DatasetSchema(
        task="regression",
        label="y",
        columns=[Column(name="x", kind=kind)],
        input=encoder_of(preprocessing).spec,
        preprocessing=preprocessing,
    )


NUMBERS = {"name": "x", "kind": "numeric", "median": 4.0, "mean": 2.0, "std": 2.0, "missing": False}
TABLE = _schema("numeric", {"kind": "tabular", "columns": [NUMBERS]})
IMAGES = _schema("image", {"kind": "image", "column": "x", "height": 4, "width": 4, "channels": 1})


def test_it_survives_the_schema_as_json() -> None:
    schema = DatasetSchema.model_validate_json(TABLE.model_dump_json())
    x = Preprocessor.load(schema).transform(pa.record_batch({"y": [1, 2, 3], "x": ["4", None, "0"]}))
    np.testing.assert_array_equal(x, [[1], [1], [-1]])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match=r"x: there is no such input column") as caught:
        Preprocessor.load(TABLE).transform(pa.record_batch({"z": [1]}))
    assert caught.value.hint == "Columns: z."


@pytest.mark.parametrize(
    ("schema", "values"), [(TABLE, [b"4"]), (IMAGES, ["4"]), (IMAGES, [4]), (TABLE, [[1, 2]])]
)
def test_values_of_another_kind_are_refused(schema: DatasetSchema, values: list[object]) -> None:
    with pytest.raises(DataError, match="x: expected"):
        Preprocessor.load(schema).transform(pa.record_batch({"x": values}))


def test_a_bad_row_is_named_by_its_file_or_its_number() -> None:
    preprocessor = Preprocessor.load(IMAGES)
    with pytest.raises(DataError, match=r"b\.png: no readable image"):
        preprocessor.transform(pa.record_batch({"x": [b"?"], "path": ["b.png"]}))
    with pytest.raises(DataError, match=r"row 1: the file is missing"):
        preprocessor.transform(pa.record_batch({"x": pa.array([None], pa.binary())}))
