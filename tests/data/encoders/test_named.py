"""Several inputs of one table: what each becomes, and the files that its rows name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from trimtab.config.data import Data
from trimtab.data import packed
from trimtab.data.champion.reference import Reference
from trimtab.data.champion.schema_changes import schema_changes
from trimtab.data.dataset.dataset import model_inputs
from trimtab.data.encoders.form import Form
from trimtab.data.encoders.serving import Preprocessor
from trimtab.data.prepare.prepare import PreparedSummary, prepare
from trimtab.data.prepare.sources import checksums
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import TensorSpec
from trimtab.data.values.notation import Unread
from trimtab.deploy import inputs
from trimtab.errors import ConfigError, DataError

ROWS = 80
INPUTS: dict[str, Any] = {
    "note": {"column": "words"},
    "scan": {"files": "path"},
    "person": {"columns": ["age", "sex"]},
}
SENTENCE = "the patient was seen again with a cough and no fever since days"
WORDS = SENTENCE.split()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("patients"), np.random.default_rng(0)
    (folder / "scans").mkdir()
    for place in range(ROWS):
        pixels = random.integers(0, 255, (6, 5, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "scans" / f"{place}.png")
    columns = {
        "path": [f"scans/{place}.png" for place in range(ROWS)],
        "age": random.normal(50, 10, ROWS),
        "sex": random.choice(["f", "m"], ROWS),
        "words": [" ".join(random.permutation(WORDS)) for _ in range(ROWS)],
        "label": ["ill", "well"] * (ROWS // 2),
    }
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    return folder / "rows.parquet"


def config(table: Path, **data: Any) -> Data:
    return Data.model_validate({"train": str(table), "inputs": INPUTS, "workers": 1, **data})


@pytest.fixture(scope="module")
def prepared(table: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedSummary:
    return prepare(config(table), seed=0, directory=tmp_path_factory.mktemp("dataset"))


def rows(table: Path, data: Data) -> pa.RecordBatch:
    reader = reader_for(str(table), data)
    batches = [batch for part in reader.partitions(str(table), data) for batch in reader.read(part, data)]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def test_each_input_has_the_tensor_of_its_kind(prepared: PreparedSummary, table: Path) -> None:
    schema = prepared.schema
    kinds = {name: (spec.kind, spec.shape, spec.model_dtype) for name, spec in schema.inputs.items()}
    assert kinds == {
        "note": ("text", (len(WORDS),), "int32"),
        "scan": ("image", (6, 5, 3), "float32"),
        "person": ("tabular", (4,), "float32"),
    }
    assert schema.inputs["note"].vocabulary_size == len(WORDS) + 2
    batch = rows(table, config(table))
    x = model_inputs(schema, {"input": Preprocessor.load(schema).transform(batch)})
    assert x["note"].min() >= 2
    first = np.asarray(Image.open(table.parent / "scans" / "0.png"), np.float32) / 127.5 - 1
    np.testing.assert_allclose(x["scan"][0], first, atol=1e-5)
    assert set(x["person"][:, 1:].sum(axis=1)) == {1.0}


def test_what_it_was_made_of_is_read_again(prepared: PreparedSummary) -> None:
    assert type(prepared.schema).model_validate_json(prepared.schema.model_dump_json()) == prepared.schema


def test_rows_to_predict_on_name_files_beside_their_table(prepared: PreparedSummary, table: Path) -> None:
    (batch,) = [b for b in inputs.batches(str(table), prepared.schema) if b.num_rows < 64]
    assert pa.types.is_binary(batch.schema.field("path").type)


def test_a_file_that_is_not_there_is_a_bad_row_of_its_input(
    prepared: PreparedSummary, table: Path, tmp_path: Path
) -> None:
    batch = rows(table, config(table)).slice(0, 2)
    batch = batch.set_column(0, "path", pa.array([b"no image", None], pa.binary()))
    encoded = Preprocessor.load(prepared.schema).encode(batch)
    assert encoded.bad[0].startswith("scan: no readable image")
    assert encoded.bad[1] == "scan: the file is missing or cannot be read"
    assert not encoded.x.any()
    gone = pq.read_table(table).set_column(0, "path", pa.array(["gone.png"] * ROWS))
    pq.write_table(gone, tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="80 of 80 files cannot be read") as error:
        prepare(config(tmp_path / "rows.parquet"), seed=0, directory=tmp_path)
    assert error.value.field == "path"


def test_what_no_training_row_had_is_told_of_each_input(prepared: PreparedSummary, table: Path) -> None:
    batch = rows(table, config(table)).slice(0, 2)
    batch = batch.set_column(2, "sex", pa.array(["x", "f"]))
    assert Preprocessor.load(prepared.schema).encode(batch).unread == [Unread("sex", 1, ("x",), "other")]


def test_rows_name_regular_files_below_their_table_alone(table: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes((table.parent / "scans" / "0.png").read_bytes())
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.png")
    (tmp_path / "in" / "zero.png").symlink_to("/dev/zero")
    outside = ["../secret.png", f"{tmp_path}/secret.png", "x/../../secret.png"]
    data, first = config(tmp_path / "in" / "rows.parquet"), pq.read_table(table).slice(0, 1)
    for name in [*outside, "pipe.png", "zero.png", "", "\0"]:
        pq.write_table(first.set_column(0, "path", pa.array([name])), tmp_path / "in" / "rows.parquet")
        assert rows(tmp_path / "in" / "rows.parquet", data).column("path").to_pylist() == [None]
        assert list(checksums(data)["train"]) == ["rows.parquet"]


def test_a_changed_image_is_a_changed_source(table: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(table).slice(0, 3), tmp_path / "rows.parquet")
    (tmp_path / "scans").symlink_to(table.parent / "scans")
    before = checksums(config(tmp_path / "rows.parquet"))["train"]
    (tmp_path / "scans").unlink()
    (tmp_path / "scans").mkdir()
    for place in range(2):
        (tmp_path / "scans" / f"{place}.png").write_bytes(b"other")
    after = checksums(config(tmp_path / "rows.parquet"))["train"]
    assert len(before) == 4
    assert len(after) == 3
    assert len(before.items() & after.items()) == 1


def test_one_input_by_name_is_what_a_model_of_one_takes(table: Path, tmp_path: Path) -> None:
    schema = prepare(config(table, inputs={"scan": INPUTS["scan"]}), seed=0, directory=tmp_path).schema
    assert (schema.input.kind, schema.input.shape, list(schema.inputs)) == ("image", (6, 5, 3), ["input"])


def test_other_inputs_than_the_champions_are_a_change(prepared: PreparedSummary, table: Path) -> None:
    champion = Reference(schema=prepared.schema, train=prepared.train, settings=config(table))
    other = config(table, inputs={**INPUTS, "person": {"columns": ["age"]}})
    assert schema_changes(champion, prepared.train, config(table)) == []
    (change,) = schema_changes(champion, prepared.train, other)
    assert "person (age)" in change
    (change,) = schema_changes(champion, prepared.train, config(table, text={"max_tokens": 3}))
    assert change == f"data.text.max_tokens asks for 3, it was {len(WORDS)}"


def test_a_file_without_test_rows_holds_none_for_the_champion(
    prepared: PreparedSummary, table: Path, tmp_path: Path
) -> None:
    champion = Reference(schema=prepared.schema, train=prepared.train, settings=config(table))
    other = config(
        table, inputs={**INPUTS, "person": {"columns": ["age"]}}, validation=str(table), test=str(table)
    )
    later = prepare(other, seed=0, directory=tmp_path, champion=champion)
    assert later.schema_changes
    assert later.champion_rows


def test_a_column_that_is_input_and_groups_rows_is_no_change(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    ratings = {
        "user": random.integers(1, 9, 400),
        "film": random.integers(1, 99, 400),
        "at": np.arange(400),
        "stars": random.choice([1.0, 2.5, 4.0], 400),
    }
    pq.write_table(pa.table(ratings), tmp_path / "ratings.parquet")
    data = config(
        tmp_path / "ratings.parquet",
        label="stars",
        task="regression",
        columns={"user": "ids", "film": "ids"},
        inputs={"who": {"column": "user"}, "what": {"column": "film"}},
        split={"by": "time", "column": "at"},
        group_by="user",
    )
    before = prepare(data, seed=0, directory=tmp_path)
    champion = Reference(schema=before.schema, train=before.train, settings=data)
    assert [column.name for column in before.schema.columns] == ["user", "film"]
    assert schema_changes(champion, before.train, data) == []


def test_images_of_one_colour_are_told_among_other_inputs(table: Path, tmp_path: Path) -> None:
    Image.new("RGB", (5, 6), (9, 9, 9)).save(tmp_path / "grey.png")
    grey = pa.array(["grey.png"] * ROWS)
    pq.write_table(pq.read_table(table).set_column(0, "path", grey), tmp_path / "rows.parquet")
    warnings = prepare(config(tmp_path / "rows.parquet"), seed=0, directory=tmp_path).warnings
    assert any(warning.startswith("80 of 80 inputs are the same all over") for warning in warnings)


@pytest.mark.parametrize(
    ("data", "field", "said"),
    [
        (
            {"inputs": {**INPUTS, "person": {"columns": ["age", "words"]}}},
            "data.inputs.person.columns",
            "alone",
        ),
        ({"inputs": {**INPUTS, "scan": {"files": "paths"}}}, "data.inputs.scan.files", "nearest is path"),
        ({"train": "gs://bucket/rows.parquet"}, "data.inputs.scan.files", "local directories alone"),
    ],
)
def test_what_cannot_be_an_input_is_refused_by_its_field(
    table: Path, tmp_path: Path, data: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(DataError, match=said) as error:
        prepare(config(table, **data), seed=0, directory=tmp_path)
    assert error.value.field == field


def test_a_range_of_numbers_is_for_one_input(table: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        prepare(config(table), seed=0, directory=tmp_path, form=Form(input=(0.0, 1.0)))
    assert error.value.field == "model.input"


def test_bytes_are_unpacked_as_they_were_packed() -> None:
    random = np.random.default_rng(0)
    specs = {
        "a": TensorSpec(kind="image", shape=(2, 3, 1), stored_dtype="uint8"),
        "b": TensorSpec(kind="tabular", shape=(3,), stored_dtype="float32"),
        "c": TensorSpec(kind="text", shape=(5,), stored_dtype="int32"),
    }
    tensors = {
        name: random.integers(0, 99, (4, *spec.shape)).astype(spec.stored_dtype)
        for name, spec in specs.items()
    }
    again = packed.unpack(packed.pack(tensors, specs), specs)
    for name, values in tensors.items():
        np.testing.assert_array_equal(again[name], values)
        assert again[name].dtype == values.dtype
