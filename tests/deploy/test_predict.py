from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import soundfile
from PIL import Image
from served import predict as predict_files
from sklearn.datasets import load_diabetes, load_iris

from trimtab.config.config import Config
from trimtab.data.dataset.dataset import SCHEMA_FILE, Dataset
from trimtab.deploy import promotion
from trimtab.deploy.predict import predict
from trimtab.errors import ArtifactError, DataError, DeployError, StorageError
from trimtab.stages import data_prep


@pytest.fixture
def digits(target, make_selection, schema):
    """Returns a repository that serves the digits."""
    promotion.deploy(target, make_selection(1), schema, "{}")
    return target


@pytest.fixture
def serve(tmp_path, make_selection):
    """Returns a function that prepares a source's data and deploys a model on it: -> (target, Dataset)."""

    def make(name, source, **data):
        section = {"train": str(source), "workers": 1, **data}
        asked = {"data": section, "model": {"architecture": "mlp"}, "budget": {"proof": "estimate"}}
        config = Config.model_validate(asked).model_dump_json()
        dataset = tmp_path / "store" / data_prep.run(str(tmp_path / f"run-{name}"), config)
        target, content = str(tmp_path / name), (dataset / SCHEMA_FILE).read_bytes()
        promotion.deploy(target, make_selection(len(name), dataset=dataset), content, "{}")
        return target, Dataset.open(dataset)

    return make


def expected(target, dataset, split="test"):
    x, y = dataset.arrays(split)
    return predict_files(Path(target) / "1", dataset.model_input(x)), y


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture
def images(digits_dataset):
    """Returns five test digits as they are stored, (8, 8) uint8, and what the dataset knows."""
    data = Dataset.open(digits_dataset)
    return data.arrays("test")[0][:5, :, :, 0], data


def test_images_of_a_file_a_folder_and_a_zip(digits, images, tmp_path):
    pixels, data = images
    outputs, _ = expected(digits, data)
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for index, image in enumerate(pixels):
        (tmp_path / "in" / "sub" / f"{index}.png").write_bytes(png(image))
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for index, image in enumerate(pixels):
            archive.writestr(f"{index}.png", png(image))
    for source in ("in", "in.zip"):
        rows = list(predict(digits, str(tmp_path / source)))
        assert [Path(row["path"]).name for row in rows] == [f"{index}.png" for index in range(5)]
        for row, output in zip(rows, outputs, strict=False):
            assert row["label"] == data.schema.classes[output.argmax()]
            assert list(row["probabilities"]) == data.schema.classes
            np.testing.assert_allclose(list(row["probabilities"].values()), output, atol=1e-6)
    (one,) = predict(digits, str(tmp_path / "in" / "sub" / "3.png"))
    assert one["label"] == data.schema.classes[outputs[3].argmax()]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("in/*.png", ["in/0.png", "in/1.png"]),
        ("in/**/*.png", ["in/0.png", "in/1.png", "in/sub/2.png"]),
        ("in/*", ["in/0.png", "in/1.png"]),
        ("in", ["in/0.png", "in/1.png", "in/linked/3.png", "in/sub/2.png"]),
    ],
)
def test_images_of_a_pattern_and_behind_a_link(digits, images, tmp_path, source, found):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "sub").mkdir(parents=True)
    if source == "in":
        (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    for name in ("in/0.png", "in/1.png", "in/sub/2.png", "elsewhere/3.png"):
        (tmp_path / name).write_bytes(png(images[0][0]))
    rows = predict(digits, str(tmp_path / source))
    assert [row["path"] for row in rows] == [str(tmp_path / name) for name in found]


def test_no_file_is_lost_where_there_are_many(digits, images, tmp_path):
    pixels, data = images
    outputs, _ = expected(digits, data)
    (tmp_path / "in").mkdir()
    for index in range(200):
        (tmp_path / "in" / f"{index:03}.png").write_bytes(png(pixels[index % 5]))
    rows = list(predict(digits, str(tmp_path / "in")))
    assert [Path(row["path"]).name for row in rows] == [f"{index:03}.png" for index in range(200)]
    labels = [data.schema.classes[output.argmax()] for output in outputs[:5]]
    assert [row["label"] for row in rows] == labels * 40


def test_images_and_a_model_in_cloud_storage(make_selection, schema, images, emulator):
    pixels, _ = images
    promotion.deploy("gs://bucket/deployed", make_selection(1), schema, "{}")
    for index, image in enumerate(pixels):
        emulator.state.put("bucket", {"name": f"in/{index}.png"}, png(image))
    rows = list(predict("gs://bucket/deployed", "gs://bucket/in"))
    assert [row["path"] for row in rows] == [f"gs://bucket/in/{index}.png" for index in range(5)]
    rows = list(predict("gs://bucket/deployed", "gs://bucket/in/[1-3].png"))
    assert [row["path"] for row in rows] == [f"gs://bucket/in/{index}.png" for index in (1, 2, 3)]
    emulator.state.put("bucket", {"name": "in/5.png"}, b"no image")
    *_, last = predict("gs://bucket/deployed", "gs://bucket/in")
    assert last["path"] == "gs://bucket/in/5.png"
    assert "no readable image" in last["error"]
    with pytest.raises(DataError, match=r"^gs://bucket/in/5\.png: no readable"):
        list(predict("gs://bucket/deployed", "gs://bucket/in/5.png"))


def test_a_column_of_encoded_images(digits, images, tmp_path):
    pixels, data = images
    table = pa.table({"image": pa.array([png(image) for image in pixels], pa.binary())})
    pa.parquet.write_table(table, tmp_path / "rows.parquet")
    outputs, _ = expected(digits, data)
    rows = list(predict(digits, str(tmp_path / "rows.parquet")))
    assert [row["label"] for row in rows] == [data.schema.classes[o.argmax()] for o in outputs[:5]]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_without_their_label_and_in_another_order(serve, tmp_path, ending):
    bunch = load_iris()
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    columns = {name: bunch.data[:, index] for index, name in enumerate(names)}
    species = [str(bunch.target_names[t]) for t in bunch.target]
    pa.csv.write_csv(pa.table({**columns, "species": species}), tmp_path / "train.csv")
    target, dataset = serve("iris", tmp_path / "train.csv", label="species")
    rows = pa.table({name: columns[name] for name in reversed(names)} | {"unused": species})
    path = tmp_path / f"rows.{ending}"
    pa.csv.write_csv(rows, path) if ending == "csv" else pa.parquet.write_table(rows, path)
    found = list(predict(target, str(path)))
    assert len(found) == 150
    outputs, _ = expected(target, dataset)
    served = {tuple(round(p, 4) for p in row["probabilities"].values()) for row in found}
    assert {tuple(round(p, 4) for p in output) for output in outputs.tolist()} <= served
    assert all(row["label"] in {"setosa", "versicolor", "virginica"} for row in found)

    pa.csv.write_csv(rows.drop_columns(["petal width"]), tmp_path / "less.csv")
    with pytest.raises(DataError, match=r"less\.csv: petal width: there is no such input column"):
        list(predict(target, str(tmp_path / "less.csv")))


def test_values_are_read_as_they_are_written_and_others_are_told(serve, tmp_path, capsys):
    rng = np.random.default_rng(0)
    amount = rng.integers(0, 90_000, 300)
    columns = {"amount": amount.astype(str), "label": np.where(amount > 40_000, "high", "low")}
    pa.csv.write_csv(pa.table(columns), tmp_path / "train.csv")
    target, _ = serve("amounts", tmp_path / "train.csv")
    (tmp_path / "plain.csv").write_text('amount\n12345\n81000\n""\n')
    (tmp_path / "written.csv").write_text('amount\n"12,345"\n"+81,000.0"\nabout 5\n')
    plain = list(predict(target, str(tmp_path / "plain.csv")))
    assert "cannot be read" not in capsys.readouterr().err
    assert list(predict(target, str(tmp_path / "written.csv"))) == plain
    told = capsys.readouterr().err
    assert "written.csv: amount: 1 value cannot be read, such as 'about 5': counted as missing" in told


def test_regression_answers_in_the_labels_unit(serve, tmp_path):
    bunch = load_diabetes()
    columns = {name: bunch.data[:, index] for index, name in enumerate(bunch.feature_names)}
    pa.csv.write_csv(pa.table({**columns, "progress": bunch.target}), tmp_path / "train.csv")
    target, dataset = serve("diabetes", tmp_path / "train.csv", label="progress")
    pa.csv.write_csv(pa.table(columns), tmp_path / "rows.csv")
    values = {round(row["value"], 2) for row in predict(target, str(tmp_path / "rows.csv"))}
    outputs, _ = expected(target, dataset)
    schema = dataset.schema
    assert {round(float(o) * schema.label_std + schema.label_mean, 2) for o in outputs[:, 0]} <= values


def test_sound(serve, tmp_path):
    rng = np.random.default_rng(0)
    for label, pitch in {"high": 1760, "low": 220}.items():
        (tmp_path / "wav" / label).mkdir(parents=True)
        for index in range(30):
            wave = np.sin(np.arange(4000) / 8000 * 2 * np.pi * pitch * rng.uniform(0.9, 1.1))
            soundfile.write(tmp_path / "wav" / label / f"{index}.wav", 0.3 * wave, 8000)
    target, _ = serve("sound", tmp_path / "wav")
    (row,) = predict(target, str(tmp_path / "wav" / "low" / "7.wav"))
    assert row["label"] in ("high", "low")
    assert row["path"].endswith("7.wav")
    assert len(list(predict(target, str(tmp_path / "wav")))) == 60


def test_a_flipped_bit_in_the_deployed_model_is_refused(digits, images, tmp_path):
    (tmp_path / "one.png").write_bytes(png(images[0][0]))
    model = Path(digits) / "1" / "model.tflite"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 8
    model.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"digits/1/model\.tflite"):
        list(predict(digits, str(tmp_path / "one.png")))


def test_the_champion_or_the_version_asked_for_answers(digits, images, tmp_path, make_selection, schema):
    (tmp_path / "one.png").write_bytes(png(images[0][0]))
    (before,) = predict(digits, str(tmp_path / "one.png"))
    promotion.deploy(digits, make_selection(2), schema, "{}")
    (champion,) = predict(digits, str(tmp_path / "one.png"))
    (first,) = predict(digits, str(tmp_path / "one.png"), version=1)
    assert champion["probabilities"] != before["probabilities"]
    assert first == before
    with pytest.raises(DeployError, match="there is no version 9"):
        list(predict(digits, str(tmp_path / "one.png"), version=9))


def test_bad_input_is_a_typed_error(digits, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    with pytest.raises(DataError, match=r"bad\.png"):
        list(predict(digits, str(tmp_path / "bad.png")))
    with pytest.raises(DataError, match="no such file"):
        list(predict(digits, str(tmp_path / "none.png")))
    with pytest.raises(DataError, match=r"\*\.png: no file matches this pattern"):
        list(predict(digits, str(tmp_path / "none" / "*.png")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found none"):
        list(predict(digits, str(tmp_path / "empty")))
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="image"):
        list(predict(digits, str(tmp_path / "rows.csv")))


def test_a_row_that_cannot_be_read_is_a_row_of_errors(digits, images, tmp_path, capsys):
    good = png(images[0][0])
    table = pa.table({"image": pa.array([good] * 600 + [b"not an image", good], pa.binary())})
    pa.parquet.write_table(table, tmp_path / "rows.parquet")
    rows = list(predict(digits, str(tmp_path / "rows.parquet")))
    assert [row["label"] for row in rows[:600]] == [rows[601]["label"]] * 600
    assert rows[600]["row"] == 601
    assert "no readable image" in rows[600]["error"]
    assert "1 of 602 rows cannot be read; the first: no readable image" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named_among_others(digits, images, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not an image")
    (tmp_path / "good.png").write_bytes(png(images[0][0]))
    bad, good = predict(digits, str(tmp_path))
    assert (bad["path"], set(bad)) == (str(tmp_path / "bad.png"), {"path", "error"})
    assert "label" in good


def test_a_table_of_rows_that_cannot_be_read_is_refused(digits, tmp_path):
    pa.parquet.write_table(pa.table({"image": pa.array([b"x"] * 3, pa.binary())}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"rows\.parquet: row 1: no readable image"):
        list(predict(digits, str(tmp_path / "rows.parquet")))


def test_where_nothing_was_deployed(tmp_path):
    with pytest.raises(DeployError, match="no model was deployed here"):
        list(predict(str(tmp_path / "none"), "rows.csv"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file.*Not a directory"):
        list(predict(str(tmp_path / "file"), "rows.csv"))
