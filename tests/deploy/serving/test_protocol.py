"""The Open Inference Protocol over a real socket: good requests, and bad ones of every kind."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

MODEL = "/v2/models/digits"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def server(start, digits_template):
    return start(digits_template.target).ready()


@pytest.fixture(scope="module")
def expected(digits_template):
    """Returns model-ready examples and the champion's outputs."""
    return digits_template.outputs(2)


def tensor(x, **changes):
    return {"name": "input", "shape": list(x.shape), "datatype": "FP32", "data": x.tolist(), **changes}


def outputs(answer):
    assert answer.status == 200, answer.body
    (output,) = answer.json["outputs"]
    return np.asarray(output["data"], np.float32).reshape(output["shape"])


def test_health_and_metadata(server):
    assert server.get("/v2/health/live").json == {"live": True}
    assert server.get("/v2/health/ready").json == {"ready": True}
    found = server.get("/v2").json
    assert (found["name"], found["extensions"]) == ("trimtab", ["binary_tensor_data"])
    assert server.get("/v2/").json == found
    metadata = {
        "name": "digits",
        "versions": ["2"],
        "platform": "litert_tflite",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 8, 8, 1]}],
        "outputs": [{"name": "output", "datatype": "FP32", "shape": [-1, 10]}],
    }
    for path in (MODEL, f"{MODEL}/versions/2"):
        assert server.get(path).json == metadata
        assert server.get(f"{path}/ready").json == {"name": "digits", "ready": True}


@pytest.mark.parametrize("path", [f"{MODEL}/infer", f"{MODEL}/versions/2/infer"])
@pytest.mark.parametrize("flat", [True, False])
def test_inference(server, expected, path, flat):
    x, y = expected[0][:3], expected[1][:3]
    data = x.ravel().tolist() if flat else x.tolist()
    answer = server.post(path, {"id": "7", "inputs": [tensor(x, data=data)], "outputs": [{"name": "output"}]})
    np.testing.assert_allclose(outputs(answer), y, atol=1e-6)
    head = {key: value for key, value in answer.json.items() if key != "outputs"}
    assert head == {"model_name": "digits", "model_version": "2", "id": "7"}
    assert answer.headers["content-type"] == "application/json"


def test_binary_tensors_in_and_out(server, expected):
    x, y = expected[0][:5], expected[1][:5]
    content = x.astype("<f4").tobytes()
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "input",
                    "shape": list(x.shape),
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": len(content)},
                }
            ],
            "outputs": [{"name": "output", "parameters": {"binary_data": True}}],
        }
    ).encode()
    answer = server.post(f"{MODEL}/infer", head + content, {LENGTH: str(len(head))})
    assert answer.status == 200, answer.body
    end = int(answer.headers[LENGTH.lower()])
    (output,) = json.loads(answer.body[:end])["outputs"]
    assert output["parameters"]["binary_data_size"] == len(answer.body) - end
    np.testing.assert_allclose(np.frombuffer(answer.body[end:], "<f4").reshape(output["shape"]), y, atol=1e-6)


def test_binary_output_of_a_json_request(server, expected):
    request = {"inputs": [tensor(expected[0][:1])], "parameters": {"binary_data_output": True}}
    answer = server.post(f"{MODEL}/infer", request)
    end = int(answer.headers[LENGTH.lower()])
    np.testing.assert_allclose(np.frombuffer(answer.body[end:], "<f4"), expected[1][0], atol=1e-6)
    request["outputs"] = [{"name": "output", "parameters": {"binary_data": False}}]
    np.testing.assert_allclose(outputs(server.post(f"{MODEL}/infer", request)), expected[1][:1], atol=1e-6)


def test_a_body_in_gzip(server, expected):
    packed = gzip.compress(json.dumps({"inputs": [tensor(expected[0][:3])]}).encode())
    answer = server.post(f"{MODEL}/infer", packed, {"Content-Encoding": "gzip"})
    np.testing.assert_allclose(outputs(answer), expected[1][:3], atol=1e-6)


PACKED = gzip.compress(b"{}", mtime=0)


@pytest.mark.parametrize("content", [b"{}", b"", PACKED[:-3], PACKED + b"x"])
def test_what_is_no_gzip_is_told(server, content):
    answer = server.post(f"{MODEL}/infer", content, {"Content-Encoding": "gzip"})
    assert answer.status == 400
    assert answer.json["error"].startswith("expected a body in gzip: ")


def test_what_is_large_unpacked_is_too_large(server):
    packed = gzip.compress(b" " * (16 * 2**20 + 1))
    answer = server.post(f"{MODEL}/infer", packed, {"Content-Encoding": "gzip"})
    assert (answer.status, answer.json) == (413, {"error": "expected a body of at most 16777216 bytes"})
    assert server.metric("trimtab_pending_bytes") == 0


@pytest.mark.parametrize(
    ("datatype", "kind"),
    [("FP64", "<f8"), ("FP16", "<f2"), ("INT8", "i1"), ("UINT8", "u1"), ("INT64", "<i8")],
)
def test_numbers_of_other_types(server, digits_template, datatype, kind):
    x = (np.arange(64).reshape(1, 8, 8, 1) % 3).astype(kind)
    expected = outputs(server.post(f"{MODEL}/infer", {"inputs": [tensor(x.astype("f4"))]}))
    found = outputs(server.post(f"{MODEL}/infer", {"inputs": [tensor(x, datatype=datatype)]}))
    np.testing.assert_array_equal(found, expected)
    parameters = {"binary_data_size": x.nbytes}
    head = {
        "inputs": [{"name": "input", "shape": list(x.shape), "datatype": datatype, "parameters": parameters}]
    }
    text = json.dumps(head).encode()
    answer = server.post(f"{MODEL}/infer", text + x.tobytes(), {LENGTH: str(len(text))})
    np.testing.assert_array_equal(outputs(answer), expected)


def test_many_rows_are_computed_in_parts(server, expected):
    x = np.tile(expected[0], (10, 1, 1, 1))[:2500]
    answer = server.post(f"{MODEL}/infer", {"inputs": [tensor(x)]})
    np.testing.assert_allclose(outputs(answer), np.tile(expected[1], (10, 1))[:2500], atol=1e-6)
    assert server.metric("trimtab_pending_rows") == 0


def test_what_the_server_has_and_takes(server):
    assert server.get("/v2/models").json == {"models": ["digits"]}
    found = server.get("/openapi.json").json
    assert found["openapi"] == "3.1.0"
    assert set(found["paths"]) >= {f"{MODEL}/infer", "/v1/models/digits:predict", "/v2/models", "/metrics"}
    for path, methods in found["paths"].items():
        for method, described in methods.items():
            answer = server.request(method.upper(), path, b"{}" if method == "post" else None)
            assert answer.status in (200, 400), path
            assert "default" in described["responses"]
    body = found["paths"][f"{MODEL}/infer"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "$ref" not in json.dumps(body)
    assert body["properties"]["inputs"]["items"]["required"] == ["name", "shape", "datatype"]


def test_null_is_what_is_left_out(server, expected):
    nothing = {"parameters": None}
    request = {
        "id": None,
        "inputs": [tensor(expected[0][:1], **nothing)],
        "outputs": [{"name": "output", **nothing}],
        **nothing,
    }
    answer = server.post(f"{MODEL}/infer", request)
    np.testing.assert_allclose(outputs(answer), expected[1][:1], atol=1e-6)


OVERFLOW = """
import numpy as np
from trimtab.runtimes.litert.model import LiteRTModel
fast = LiteRTModel.predict

def predict(self, batch):
    broken = batch["input"].max((1, 2, 3))[:, None] > 1e30
    return {"output": np.where(broken, np.nan, fast(self, batch)["output"])}

LiteRTModel.predict = predict
"""


def test_what_has_no_finite_answer_is_refused(start, digits_template, expected):
    server = start(digits_template.target, hook=OVERFLOW).ready()
    x = np.concatenate([expected[0][:2], np.full((1, 8, 8, 1), 3e38)])
    request = {"inputs": [tensor(x)]}
    for parameters in ({}, {"binary_data_output": True}):
        answer = server.post(f"{MODEL}/infer", {**request, "parameters": parameters})
        assert answer.status == 400
        assert answer.json["error"].startswith("row 3: the model's answer is no number")


def test_bytes_that_belong_to_nothing(server):
    head = json.dumps({"inputs": [tensor(X)]}).encode()
    answer = server.post(f"{MODEL}/infer", head + bytes(256), {LENGTH: str(len(head))})
    assert (answer.status, "found both" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("path", [f"{MODEL}/infer", "/v1/models/digits:predict"])
def test_a_body_that_is_compressed(server, path):
    answer = server.post(path, b"{}", {"Content-Encoding": "br"})
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip, identity")
    assert answer.json == {"error": "expected a body as it is or in gzip, found 'br'"}


X = np.zeros((1, 8, 8, 1))
BAD = {
    "no JSON": (b"{", "EOF while parsing"),
    "no UTF-8": (b'{"inputs": "\xff"}', ""),
    "another type": (b"[]", "object"),
    "no inputs": ({}, "inputs: Field required"),
    "no tensor": ({"inputs": []}, "inputs: expected 'input', found none"),
    "two tensors": ({"inputs": [tensor(X)] * 2}, "inputs: expected 'input'"),
    "another name": ({"inputs": [tensor(X, name="x")]}, "inputs: expected 'input', found 'x'"),
    "another datatype": ({"inputs": [tensor(X, datatype="BYTES")]}, "datatype: expected FP32, found 'BYTES'"),
    "another shape": ({"inputs": [tensor(X, shape=[1, 64])]}, r"shape: expected [-1, 8, 8, 1]"),
    "no rows": ({"inputs": [tensor(X[:0])]}, "at least one row"),
    "too many rows": ({"inputs": [tensor(X, shape=[16385, 8, 8, 1])]}, "at most 16384 rows, found 16385"),
    "a huge shape": ({"inputs": [tensor(X, shape=[10**30, 8, 8, 1])]}, "shape"),
    "a fraction in the shape": ({"inputs": [tensor(X, shape=[1.5, 8, 8, 1])]}, "shape"),
    "too few values": ({"inputs": [tensor(X, data=[0.0] * 63)]}, "data: expected 64 values, found 63"),
    "ragged values": ({"inputs": [tensor(X, data=[[0.0] * 63, 1.0])]}, "data: expected numbers"),
    "text": ({"inputs": [tensor(X, data=["1.5"] * 64)]}, "data: expected numbers"),
    "null": ({"inputs": [tensor(X, data=[None] * 64)]}, "data: expected numbers"),
    "booleans": ({"inputs": [tensor(X, data=[True] * 64)]}, "data: expected numbers"),
    "not finite": ({"inputs": [tensor(X, data=[float("nan")] * 64)]}, "finite"),
    "no float32": ({"inputs": [tensor(X, data=[1e39] * 64)]}, "finite"),
    "no int64": ({"inputs": [tensor(X, data=[10**40] * 64)]}, "data: expected numbers"),
    "far too many values": ({"inputs": [tensor(X, data=[0] * 252_000)]}, "at most 250000 values"),
    "far too much else": ({"inputs": [{}] * 252_000}, "at most 250000 values"),
    "too many tensors": (
        {"inputs": [tensor(X, data=[])] * 20_000},
        "inputs: List should have at most 64 items",
    ),
    "no data": (
        {"inputs": [tensor(X, data=None)]},
        "expected data, or the parameter binary_data_size",
    ),
    "no bytes": (
        {"inputs": [tensor(X, data=None, parameters={"binary_data_size": 256})]},
        "binary_data_size: expected 0",
    ),
    "another output": (
        {"inputs": [tensor(X)], "outputs": [{"name": "logits"}]},
        "outputs: expected 'output', found 'logits'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_told_what_is_expected(server, case):
    body, message = BAD[case]
    answer = server.post(f"{MODEL}/infer", body)
    assert answer.status == 400
    assert list(answer.json) == ["error"]
    assert message in answer.json["error"]


@pytest.mark.parametrize("length", ["-1", "x", "99999", "²"])
def test_a_bad_length_of_the_json(server, length):
    answer = server.post(f"{MODEL}/infer", {"inputs": [tensor(X)]}, {LENGTH: length})
    assert answer.status == 400
    assert LENGTH in answer.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", f"{MODEL}/versions/1", 404),
        ("GET", f"{MODEL}/versions/two/ready", 404),
        ("POST", f"{MODEL}/versions/1/infer", 404),
        ("POST", "/v1/models/other:predict", 404),
        ("GET", "/", 404),
        ("POST", f"{MODEL}/infer/", 404),
        ("GET", "/v2/health", 404),
        ("GET", f"{MODEL}/infer", 405),
        ("POST", "/v2/health/live", 405),
    ],
)
def test_wrong_paths_and_methods(server, method, path, status):
    answer = server.request(method, path, {} if method == "POST" else None)
    assert answer.status == status
    assert list(answer.json) == ["error"]
