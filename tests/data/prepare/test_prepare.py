import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data.prepare.tables import Prepare, colours, hashes, rows, write_csv
from PIL import Image

from trimtab.config.data import Data
from trimtab.data.encoders.form import Form
from trimtab.data.encoders.serving import Preprocessor
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.kinds.notations import first_notations
from trimtab.data.prepare import fit, work
from trimtab.data.prepare.work import parts_of
from trimtab.data.readers import csv as csv_reader
from trimtab.data.readers.registry import reader_for
from trimtab.data.statistics.summary import Summary
from trimtab.errors import ConfigError


def test_shards_do_not_depend_on_the_number_of_workers(
    tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "BYTES_PER_PARTITION", 9000)
    monkeypatch.setattr(work, "_SMALL_BYTES", 0)
    source = write_csv(tmp_path / "rows.csv", colours())
    alone, summary = prepared("alone", train=source, workers=1)
    three, summary_three = prepared("three", train=source, workers=3)
    assert len(alone.shards("train")) > 4
    assert hashes(alone) == hashes(three)
    assert alone.digest == three.digest
    assert summary.content.fingerprint == summary_three.content.fingerprint
    assert sum(summary.rows.values()) == 3000


def test_neither_order_nor_partitions_change_the_sides_or_the_fingerprint(
    tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = colours()
    order = np.random.default_rng(5).permutation(3000)
    shuffled = {name: [values[row] for row in order] for name, values in table.items()}
    one, summary = prepared("one", train=write_csv(tmp_path / "one.csv", table))
    monkeypatch.setattr(csv_reader, "BYTES_PER_PARTITION", 5000)
    other, other_summary = prepared("other", train=write_csv(tmp_path / "other.csv", shuffled))
    assert summary.content.fingerprint == other_summary.content.fingerprint
    assert summary.rows == other_summary.rows
    more = {name: values + values[:10] for name, values in table.items()}
    _, changed = prepared("more", train=write_csv(tmp_path / "more.csv", more))
    assert changed.content.fingerprint != summary.content.fingerprint
    assert one.schema.classes == other.schema.classes == ["big", "small"]


def test_serving_makes_the_same_tensors(tmp_path: Path, prepared: Prepare) -> None:
    source = write_csv(tmp_path / "rows.csv", colours())
    dataset, _ = prepared(train=source)
    config = Data(train=source)
    preprocessor = Preprocessor.load(dataset.schema)
    served = [
        preprocessor.transform(batch)
        for partition in reader_for(source, config).partitions(source, config)
        for batch in reader_for(source, config).read(partition, config)
    ]
    stored = np.concatenate([dataset.arrays(split)[0] for split in ("train", "validation", "test")])
    as_bytes = [sorted(row.tobytes() for row in x) for x in (np.concatenate(served), stored)]
    assert as_bytes[0] == as_bytes[1]


def test_preprocessing_sees_the_training_rows_alone(tmp_path: Path, prepared: Prepare) -> None:
    train, test = colours(), colours(seed=1)
    test["size"] = [str(float(size or 0) + 1e6) for size in test["size"]]
    test["color"] = ["violet"] * 3000
    given = {
        "train": write_csv(tmp_path / "train.csv", train),
        "validation": write_csv(tmp_path / "validation.csv", test),
        "test": write_csv(tmp_path / "test.csv", test),
    }
    dataset, summary = prepared(**given)
    assert summary.rows == {"train": 3000, "validation": 3000, "test": 3000}
    x, _ = dataset.arrays("train")
    assert abs(x[:, 0].mean()) < 0.05
    columns = dataset.schema.preprocessing["columns"]
    assert columns[0]["mean"] == pytest.approx(np.mean([float(size) for size in train["size"] if size]))
    assert sorted(columns[1]["values"]) == ["blue", "green", "red"]
    assert (dataset.arrays("test")[0][:, -1] == 1).all()


def test_training_rows_are_shuffled_by_the_seed_and_test_rows_are_not(
    tmp_path: Path, prepared: Prepare
) -> None:
    table = colours()
    order = np.argsort(table["label"], kind="stable")
    table = {name: [values[row] for row in order] for name, values in table.items()}
    source = write_csv(tmp_path / "rows.csv", table)
    one, again, other = (
        prepared(f"seed {i}", seed=seed, train=source)[0] for i, seed in enumerate((3, 3, 4))
    )
    assert hashes(one) == hashes(again)
    assert one.arrays("train")[0].tolist() != other.arrays("train")[0].tolist()
    assert rows(one, "train") == rows(other, "train")
    np.testing.assert_array_equal(one.arrays("test")[0], other.arrays("test")[0])
    assert (np.diff(one.arrays("test")[1]) >= 0).all()
    half = one.rows["train"] // 2
    assert 0.4 < one.arrays("train")[1][:half].mean() < 0.6


def test_regression_labels_are_standardized_by_the_training_split(tmp_path: Path, prepared: Prepare) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000).round(4)
    price = (100 + 20 * x + rng.normal(size=1000)).round(2)
    source = write_csv(tmp_path / "rows.csv", {"x": x.tolist(), "price": price.tolist()})
    dataset, summary = prepared(train=source, label="price")
    assert dataset.schema.task == "regression"
    assert dataset.schema.outputs == 1
    assert summary.class_counts == {}
    y = dataset.arrays("train")[1]
    assert (abs(y.mean()) < 1e-4, abs(y.std() - 1) < 1e-4) == (True, True)
    known = sorted(
        value
        for split in ("train", "validation", "test")
        for value in dataset.arrays(split)[1] * dataset.schema.label_std + dataset.schema.label_mean
    )
    np.testing.assert_allclose(known, sorted(price), atol=1e-3)


@pytest.mark.parametrize("name", ["customer", "id"])
def test_duplicates_are_together_whatever_identifier_is_left_out(
    tmp_path: Path, prepared: Prepare, name: str
) -> None:
    """The first rows may not show yet that a column is an identifier."""
    table = colours(500)
    repeated = {"key": [], **{column: values * 40 for column, values in table.items()}}
    ids = [f"c{i}" for i in range(20_000)]
    repeated["key"] = ids if name == "customer" else list(range(20_000))
    repeated = {name if column == "key" else column: values for column, values in repeated.items()}
    dataset, _ = prepared(train=write_csv(tmp_path / "rows.csv", repeated))
    assert [column.name for column in dataset.schema.columns] == ["size", "color"]
    sides = [{row.tobytes() for row in dataset.arrays(split)[0]} for split in ("train", "validation", "test")]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_columns_that_begin_empty_are_input(tmp_path: Path, prepared: Prepare) -> None:
    rows = 12_000
    rng = np.random.default_rng(0)
    late = ["" if row < 9000 else str(value) for row, value in enumerate(rng.normal(size=rows).round(3))]
    table = {"late": late, "label": rng.choice(["a", "b"], rows).tolist()}
    dataset, summary = prepared(train=write_csv(tmp_path / "rows.csv", table))
    assert [column.name for column in dataset.schema.columns] == ["late"]
    # The 9,000 empty rows are duplicates: they are on one side, and that is worth a warning.
    assert max(dataset.rows.values()) > 9000
    assert any("many of them are the same" in warning for warning in summary.warnings)


def test_groups_stay_together_and_are_no_input(tmp_path: Path, prepared: Prepare) -> None:
    table = colours()
    patients = np.random.default_rng(0).integers(0, 12, 3000)
    source = write_csv(tmp_path / "rows.csv", {"patient": patients.tolist(), **table})
    dataset, summary = prepared(train=source, group_by="patient", split={"test": 0.4, "validation": 0.4})
    assert "patient" not in [column.name for column in dataset.schema.columns]
    counts = np.bincount(patients)
    possible = {sum(counts[i] for i in range(12) if mask >> i & 1) for mask in range(1 << 12)}
    assert set(summary.rows.values()) <= possible


def test_rows_that_are_in_two_given_splits_are_counted(tmp_path: Path, prepared: Prepare) -> None:
    train = colours()
    test = {name: values + train[name][:7] for name, values in colours(1000, seed=1).items()}
    given = {"train": write_csv(tmp_path / "a.csv", train), "test": write_csv(tmp_path / "b.csv", test)}
    _, summary = prepared(**given)
    (warning,) = [warning for warning in summary.warnings if "in another split" in warning]
    count = int(warning.split()[0].replace(",", ""))
    pairs = set(zip(train["size"], train["color"], strict=True))
    both = sum(pair in pairs for pair in zip(test["size"], test["color"], strict=True))
    assert 7 <= count <= both


def test_nothing_here_imports_tensorflow() -> None:
    code = "import sys, trimtab.stages.data_prep; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "kfp"} & set(done.stdout.split())


def test_statistics_are_written_for_every_split(tmp_path: Path, prepared: Prepare) -> None:
    dataset, _ = prepared(train=write_csv(tmp_path / "rows.csv", colours()))
    statistics = json.loads((dataset.path / "statistics.json").read_text())
    assert {split: statistics[split]["rows"] for split in statistics} == dataset.rows


def test_classes_stand_in_the_order_of_the_models_outputs(tmp_path: Path, prepared: Prepare) -> None:
    rows = "".join(f"{place * place % 97},{'no' if place % 3 else 'yes'}\n" for place in range(300))
    (tmp_path / "a.csv").write_text("size,label\n" + rows)
    form = Form(classes=("yes", "no", "maybe"))
    dataset, _ = prepared(train=str(tmp_path / "a.csv"), form=form)
    assert dataset.schema.classes == ["yes", "no", "maybe"]
    _, y = dataset.arrays("test")
    assert set(y) == {0, 1}
    assert (y == 1).mean() > 0.5
    with pytest.raises(ConfigError, match=r"model\.classes: .* not listed: no"):
        prepared("other", train=str(tmp_path / "a.csv"), form=Form(classes=("yes", "maybe")))


def test_columns_for_slices_are_kept_of_judged_rows_though_the_model_does_not_see_them(
    tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "BYTES_PER_PARTITION", 8_000)
    table = colours()
    region = ["north" if color == "red" else "" for color in table["color"]]
    source = write_csv(tmp_path / "rows.csv", {"region": region, **table})
    dataset, summary = prepared(train=source, drop=["region"], slices=["region", "color"])
    assert [column.name for column in dataset.schema.columns] == ["size", "color"]
    for split in ("validation", "test"):
        kept = dataset.slices(split, ["region", "color"])
        assert kept.num_rows == summary.rows[split] == len(dataset.labels(split))
        found = list(zip(kept["region"].to_pylist(), kept["color"].to_pylist(), strict=True))
        assert set(found) == {("north", "red"), (None, "green"), (None, "blue")}
        x, _ = dataset.arrays(split)
        color = {row.tobytes()[-12:]: color for row, (_, color) in zip(x, found, strict=True)}
        assert len(color) == 3, "in the order of the rows: each color is one encoding"
    assert not list((dataset.path / "train").glob("slices-*"))


def test_inputs_that_are_the_same_all_over_are_warned_of(tmp_path: Path, prepared: Prepare) -> None:
    rng = np.random.default_rng(0)
    for index in range(80):
        folder = tmp_path / "pics" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (8, 8)) if index % 4 else np.full((8, 8), index)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
    _, summary = prepared(train=str(tmp_path / "pics"))
    (warning,) = (text for text in summary.warnings if "all over" in text)
    assert warning.startswith("20 of 80 inputs are the same all over, such as an image of one colour")


def test_of_a_wide_table_the_first_rows_say_what_all_of_their_columns_say(tmp_path: Path) -> None:
    """Columns of fractions are not summarized to find out what the first rows mean."""
    rng = np.random.default_rng(0)
    columns: dict[str, pa.Array] = {
        f"c{at}": pa.array(rng.normal(size=30), mask=rng.random(30) < at % 2 / 5) for at in range(1000)
    }
    columns |= {
        "id": pa.array(np.arange(30.0)),
        "seen_at": pa.array(1.7e9 + rng.random(30)),
        "counted": pa.array(np.arange(30)),
        "none": pa.nulls(30, pa.float64()),
        "plan": pa.array(rng.choice(["a", "b"], 30)),
        "label": pa.array(rng.integers(0, 2, 30)),
    }
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "rows.parquet")
    config = Data(train=str(tmp_path / "rows.parquet"))
    found = fit.first_guess(config, parts_of(config), None)
    whole = Summary.of(table.combine_chunks().to_batches()[0], config)
    notations = first_notations(whole, config)
    assert list(notations) == ["seen_at"]
    assert found == ("label", infer_schema(whole, config).names, notations)
