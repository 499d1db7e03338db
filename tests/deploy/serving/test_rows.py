"""Raw inputs of every kind: the server answers what `trimtab predict` answers for the same rows."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import soundfile
from PIL import Image
from sklearn.datasets import load_diabetes, load_iris

from trimtab.deploy.predict import predict
from trimtab.stages import model_form

PREDICT = "/v1/models/digits:predict"
BOUNDARY = "9c1b"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("raw")


@pytest.fixture(scope="module")
def iris(folder, prepared, deploy_on, start):
    """Returns a server, its repository and rows."""
    bunch = load_iris()
    columns = {name.split(" (")[0]: bunch.data[:, i] for i, name in enumerate(bunch.feature_names)}
    columns["soil"] = ["clay" if i % 3 else "sand" for i in range(150)]
    table = pa.table({**columns, "species": [str(bunch.target_names[t]) for t in bunch.target]})
    pa.csv.write_csv(table, folder / "iris.csv")
    deployed = deploy_on(prepared(train=str(folder / "iris.csv"), label="species"))
    return start(deployed.target).ready(), deployed, table.drop_columns(["species"])


@pytest.fixture(scope="module")
def images(digits_template, start):
    return start(digits_template.target).ready(), digits_template


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def pixels(deployed, n):
    return [png(image) for image in deployed.dataset.arrays("test")[0][:n, :, :, 0]]


def multipart(*files):
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{i}"\r\n\r\n'.encode()
        + content
        for i, content in enumerate(files)
    ]
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def same(answer, expected, version="1"):
    assert answer.status == 200, answer.body
    assert (answer.json["model_name"], answer.json["model_version"]) == ("digits", version)
    found = answer.json["predictions"]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        if "value" in one:
            assert one["value"] == pytest.approx(other["value"], rel=1e-6)
        else:
            assert one["label"] == other["label"]
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


def test_rows_of_a_table(iris, folder):
    server, deployed, table = iris
    pa.csv.write_csv(table, folder / "rows.csv")
    answer = server.post(PREDICT, {"instances": table.slice(0, 40).to_pylist()})
    same(answer, list(predict(str(deployed.target), str(folder / "rows.csv")))[:40])


def test_text_for_numbers_missing_values_and_more_columns(iris):
    server, _, table = iris
    row = table.to_pylist()[0]
    plain = server.post(PREDICT, {"instances": [row]}).json["predictions"]
    text = {name: str(value) for name, value in row.items()}
    assert server.post(PREDICT, {"instances": [{**text, "more": [1]}]}).json["predictions"] == plain
    answer = server.post(PREDICT, {"instances": [{**row, "petal width": None}]})
    assert answer.status == 200
    assert answer.json["predictions"] != plain


def test_values_that_cannot_be_read_are_told_in_a_header(iris):
    server, _, table = iris
    rows = [
        {**row, "petal width": value}
        for row, value in zip(table.to_pylist(), ["x", "0.2", "?"], strict=False)
    ]
    answer = server.post(PREDICT, {"instances": rows})
    assert answer.status == 200
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert json.loads(headers["trimtab-unread"]) == [
        {"column": "petal width", "count": 1, "examples": ["x"], "counts_as": "missing"}
    ]
    whole = server.post(PREDICT, {"instances": table.to_pylist()[:1]})
    assert "trimtab-unread" not in {name.lower() for name in whole.headers}


def test_regression_in_the_labels_unit(folder, prepared, deploy_on, start, monkeypatch):
    monkeypatch.setattr(model_form, "IN_PIECES", ())  # a network for these draws far numbers in
    bunch = load_diabetes()
    columns = {name: bunch.data[:, i] for i, name in enumerate(bunch.feature_names)}
    pa.csv.write_csv(pa.table({**columns, "progress": bunch.target}), folder / "diabetes.csv")
    deployed = deploy_on(prepared(train=str(folder / "diabetes.csv"), label="progress"))
    rows = pa.table(columns).slice(0, 5)
    pa.csv.write_csv(rows, folder / "five.csv")
    server = start(deployed.target).ready()
    answer = server.post(PREDICT, {"instances": rows.to_pylist()})
    same(answer, list(predict(str(deployed.target), str(folder / "five.csv"))))
    far = {**rows.to_pylist()[0], "bmi": 3e38}  # as a multiple of the standard deviation it is no float32
    answer = server.post(PREDICT, {"instances": [*rows.to_pylist(), far]})
    assert (answer.status, "row 6: the model's answer is no number" in answer.json["error"]) == (400, True)
    pa.csv.write_csv(pa.Table.from_pylist([*rows.to_pylist(), far]), folder / "six.csv")
    *_, last = predict(str(deployed.target), str(folder / "six.csv"))
    assert last["row"] == 6
    assert "the model's answer is no number" in last["error"]


def test_texts_as_rows_and_alone(folder, prepared, deploy_on, start):
    words = [
        f"{'good' if i % 2 else 'bad'} film number {i}, {'liked' if i % 2 else 'hated'} it" for i in range(80)
    ]
    table = pa.table({"review": words, "mood": ["up" if i % 2 else "down" for i in range(80)]})
    pa.csv.write_csv(table, folder / "texts.csv")
    deployed = deploy_on(prepared(train=str(folder / "texts.csv"), label="mood"))
    assert deployed.dataset.schema.input.kind == "text"
    pa.csv.write_csv(table.select(["review"]).slice(0, 5), folder / "reviews.csv")
    expected = list(predict(str(deployed.target), str(folder / "reviews.csv")))
    server = start(deployed.target).ready()
    same(server.post(PREDICT, {"instances": [{"review": text} for text in words[:5]]}), expected)
    same(server.post(PREDICT, {"instances": words[:5]}), expected)
    tokens = deployed.dataset.schema.input.shape[0]
    known = {"name": "input", "shape": [1, tokens], "datatype": "INT32", "data": [1] * tokens}
    assert server.post("/v2/models/digits/infer", {"inputs": [known]}).status == 200
    for token in (-1, deployed.dataset.schema.vocabulary_size, 2**40, 0.5):
        answer = server.post("/v2/models/digits/infer", {"inputs": [{**known, "data": [token] * tokens}]})
        assert (answer.status, "whole numbers from 0" in answer.body.decode()) == (400, True)


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream"])
def test_an_image(images, folder, content_type):
    server, deployed = images
    (content,) = pixels(deployed, 1)
    (folder / "one.png").write_bytes(content)
    ((expected),) = predict(str(deployed.target), str(folder / "one.png"))
    del expected["path"]
    same(server.post(PREDICT, content, {"Content-Type": content_type}), [expected], "2")


def test_images_as_base64_and_as_multipart(images):
    server, deployed = images
    contents = pixels(deployed, 3)
    body = {"instances": [{"b64": base64.b64encode(content).decode()} for content in contents]}
    by_name = server.post(PREDICT, body)
    many = server.post(
        PREDICT, multipart(*contents), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    )
    alone = [server.post(PREDICT, one, {"Content-Type": "image/png"}) for one in contents]
    assert by_name.json == many.json
    assert many.json["predictions"] == [one.json["predictions"][0] for one in alone]


def test_a_clip(folder, prepared, deploy_on, start):
    rng = np.random.default_rng(0)
    for label, pitch in {"high": 1760, "low": 220}.items():
        (folder / "wav" / label).mkdir(parents=True)
        for index in range(30):
            wave = np.sin(np.arange(4000) / 8000 * 2 * np.pi * pitch * rng.uniform(0.9, 1.1))
            soundfile.write(folder / "wav" / label / f"{index}.wav", 0.3 * wave, 8000)
    deployed = deploy_on(prepared(train=str(folder / "wav")))
    clip = folder / "wav" / "low" / "7.wav"
    (expected,) = predict(str(deployed.target), str(clip))
    del expected["path"]
    server = start(deployed.target).ready()
    same(server.post(PREDICT, clip.read_bytes(), {"Content-Type": "audio/wav"}), [expected])


TABLE_FAULTS = [
    (b"{", 400, "expected {"),
    ({"rows": []}, 400, "expected {"),
    ({"instances": []}, 400, "expected 1 to 16384, found 0"),
    ({"instances": [{}] * 16385}, 400, "expected 1 to 16384, found 16385"),
    ({"instances": [{}]}, 400, "instances.0: sepal length: there is no such value"),
    ({"instances": [1]}, 400, "instances.0: sepal length"),
    ({"instances": "abc"}, 400, "expected {"),
]


@pytest.mark.parametrize(("body", "status", "message"), TABLE_FAULTS)
def test_bad_rows(iris, body, status, message):
    answer = iris[0].post(PREDICT, body)
    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert message in answer.json["error"]


@pytest.mark.parametrize("value", [[1], {"a": 1}, [[]], 10**40])
def test_values_that_are_none(iris, value):
    server, _, table = iris
    answer = server.post(PREDICT, {"instances": [{**table.to_pylist()[0], "petal width": value}]})
    assert answer.status == 400
    assert "petal width" in answer.json["error"]


def test_numbers_and_text_in_one_column(iris):
    server, _, table = iris
    one, other = table.to_pylist()[:2]
    answer = server.post(PREDICT, {"instances": [one, {**other, "petal width": "0.2"}]})
    assert (answer.status, "petal width" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (b"\x89PNG\r\n\x1a\nnot really", "image/png", 400, "no readable image"),
        (b"", "image/png", 400, "no readable image"),
        (b"RIFF0000WAVE", "audio/wav", 400, "no readable image"),
        (b"a,b\n1,2\n", "text/csv", 415, "image/*"),
        (json.dumps({"instances": [{"b64": "?"}]}).encode(), "application/json", 400, "base64"),
        (json.dumps({"instances": ["aGk="]}).encode(), "application/json", 400, "b64"),
        (b"", f"multipart/form-data; boundary={BOUNDARY}", 400, "file"),
        (b"nothing", "multipart/form-data", 400, "multipart"),
        (b"nothing", f"multipart/form-data; boundary={BOUNDARY}", 400, "multipart"),
        (multipart(*[b""] * 16_385), f"multipart/form-data; boundary={BOUNDARY}", 400, "multipart"),
    ],
)
def test_bad_files(images, body, content_type, status, message):
    answer = images[0].post(PREDICT, body, {"Content-Type": content_type})
    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert message in answer.json["error"]


def test_a_file_that_takes_long_does_not_keep_others_waiting(digits_template, start):
    hook = """
import time
from trimtab.data.encoders import image
fast = image.decode
def slow(content, *shape):
    time.sleep(0.2 if len(content) > 2000 else 0)
    return fast(content, *shape)
image.decode = slow
"""
    server = start(digits_template.target, hook=hook, request_s=1.0).ready()
    (small,), large = (
        pixels(digits_template, 1),
        png(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)),
    )
    for _ in range(4):  # far more than there are threads for; each is given up, and stops
        many = multipart(*[large] * 1000)
        assert (
            server.post(PREDICT, many, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}).status
            == 504
        )
    assert server.post(PREDICT, small, {"Content-Type": "image/png"}).status == 200
    assert server.stop() == 0


def test_a_row_that_cannot_be_read_is_named(images):
    server, deployed = images
    files = multipart(*pixels(deployed, 2), b"no image")
    answer = server.post(PREDICT, files, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    assert answer.status == 400
    assert answer.json["error"].startswith("row 3: no readable image")


def test_a_table_takes_no_files(iris):
    answer = iris[0].post(PREDICT, b"\x89PNG", {"Content-Type": "image/png"})
    assert answer.status == 415
    assert answer.json["error"] == "expected application/json, found 'image/png'"
