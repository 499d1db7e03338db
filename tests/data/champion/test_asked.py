"""Test rows that another schema was made of are put to the model in service, too, if it can read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from data.champion.rows import champion_rows, made_png, made_table
from data.prepare.tables import Prepare, write_csv


def test_test_rows_are_encoded_for_the_champion_row_by_row(tmp_path: Path, prepared: Prepare) -> None:
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", made_table()))
    after = {**made_table(900, seed=1), "weight": np.arange(900).tolist()}
    after["label"][::4] = ["tiny"] * len(after["label"][::4])
    dataset, _ = prepared("b", champion, train=write_csv(tmp_path / "b.csv", after))
    assert dataset.champion == champion.schema
    x, y = champion_rows(dataset)
    _, labels = dataset.arrays("test")
    np.testing.assert_array_equal(y, labels)
    assert dataset.schema.classes == ["big", "small", "tiny"]
    assert 2 in y
    # The first input of both is the size, standardized by one or by the other.
    mine, theirs = (schema.preprocessing["columns"][0] for schema in (dataset.schema, champion.schema))
    sizes = dataset.arrays("test")[0][:, 0] * mine["std"] + mine["mean"]
    np.testing.assert_allclose(x[:, 0] * theirs["std"] + theirs["mean"], sizes, atol=1e-4)


def _two_image_columns(tmp_path: Path) -> tuple[str, str]:
    """Writes a table of images, ``old``, and one where a tenth of these are cut; ``image`` has them whole."""
    images = [made_png(value, 8) for value in range(400)]
    labels = ["even" if value % 2 == 0 else "odd" for value in range(400)]
    pq.write_table(pa.table({"old": images, "label": labels}), tmp_path / "a.parquet")
    cut = [image[:60] + image[-40:] if row % 10 == 0 else image for row, image in enumerate(images)]
    pq.write_table(pa.table({"old": cut, "image": images, "label": labels}), tmp_path / "b.parquet")
    return str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")


def test_a_row_that_the_champion_cannot_read_is_left_out_of_both(tmp_path: Path, prepared: Prepare) -> None:
    before, after = _two_image_columns(tmp_path)
    champion, _ = prepared("a", train=before)
    alone, _ = prepared("alone", train=after, drop=["old"])
    dataset, found = prepared("b", champion, train=after, drop=["old"], max_bad_fraction=0.2)
    assert found.champion_rows
    assert dataset.rows["train"] == alone.rows["train"]
    lost = alone.rows["test"] - dataset.rows["test"]
    assert lost > 0
    assert (
        f"{lost} test rows cannot be read as the model in service takes them: they were left out"
        in found.warnings
    )
    x, y = champion_rows(dataset)
    np.testing.assert_array_equal(x, dataset.model_input(dataset.arrays("test")[0]))
    np.testing.assert_array_equal(y, dataset.arrays("test")[1])


def test_a_champion_that_cannot_read_too_many_rows_is_not_asked(tmp_path: Path, prepared: Prepare) -> None:
    before, after = _two_image_columns(tmp_path)
    champion, _ = prepared("a", train=before)
    alone, _ = prepared("alone", train=after, drop=["old"])
    dataset, found = prepared("b", champion, train=after, drop=["old"])
    assert (found.champion_rows, dataset.champion_test()) == (False, None)
    assert any(
        warning.endswith("as the model in service takes them: it is not asked") for warning in found.warnings
    )
    assert (dataset.rows, dataset.digest) == (alone.rows, alone.digest)


def test_a_champion_is_not_asked_where_the_test_rows_lack_its_column(
    tmp_path: Path, prepared: Prepare
) -> None:
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", made_table()))
    table = {**made_table(900, seed=1), "weight": np.arange(900).tolist()}
    del table["color"]
    given = {"train": write_csv(tmp_path / "b.csv", {**table, "color": ["red"] * 900})}
    given["test"] = write_csv(tmp_path / "c.csv", table)
    dataset, found = prepared("b", champion, **given, drop=["color"])
    assert len(found.schema_changes) == 2
    assert (found.champion_rows, dataset.champion_test()) == (False, None)
    assert dataset.rows["test"] == 900
