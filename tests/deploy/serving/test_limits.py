"""Limits: bodies, rows, queues, time, and bodies of any content."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INFER, PREDICT = "/v2/models/digits/infer", "/v1/models/digits:predict"
TENSOR = {"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}
SLOW = """
import time
from trimtab.runtimes.litert.model import LiteRTModel
fast = LiteRTModel.predict
def slow(self, x):
    time.sleep(1.0 if len(x["input"]) == 1 else 0.02)
    return fast(self, x)
LiteRTModel.predict = slow
"""


@pytest.fixture(scope="module")
def server(start, digits_template):
    return start(digits_template.target, body_bytes=100_000).ready()


@pytest.mark.parametrize("path", [INFER, PREDICT])
def test_a_body_that_is_too_large(server, path):
    answer = server.post(path, b"x" * 100_001)
    assert answer.status == 413
    assert answer.json == {"error": "expected a body of at most 100000 bytes"}
    assert server.post(path, b"x" * 100_000).status == 400


def test_a_body_of_unknown_size_that_is_too_large(server):
    connection = server.connection()
    connection.request("POST", INFER, (b"x" * 1000 for _ in range(101)), encode_chunked=True)
    assert connection.getresponse().status == 413


def test_a_body_is_refused_by_its_announced_size(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        head = f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_client_that_sends_all_before_it_reads_is_told_and_keeps_its_connection(server):
    body = b"x" * 20_000_000  # more than the kernel keeps: the server takes it in, and throws it away
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        for _ in range(2):
            client.sendall(
                f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            client.sendall(body)
            assert client.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_queue_that_is_full(start, digits_template):
    server = start(digits_template.target, hook=SLOW, pending_rows=3).ready()
    statuses, headers = [], []

    def ask():
        answer = server.post(INFER, {"inputs": [TENSOR]})
        statuses.append(answer.status)
        headers.append(answer.headers.get("retry-after"))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 503}
    assert sorted(zip(statuses, headers, strict=True))[-1] == (503, "1")
    assert server.post(INFER, {"inputs": [TENSOR]}).status == 200
    assert server.metric("trimtab_pending_rows") == 0


@contextlib.contextmanager
def waiting(server, content):
    """Has a request worked on until the block ends."""
    head = f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(head.encode() + content)
        while server.metric("trimtab_pending_rows") < 1:
            time.sleep(0.02)
        yield
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_too_many_requests_at_a_time(start, digits_template):
    server = start(digits_template.target, hook=SLOW, requests=1).ready()
    with waiting(server, json.dumps({"inputs": [TENSOR]}).encode()):
        answer = server.post(INFER, {"inputs": [TENSOR]})
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.json == {"error": "too many requests at a time"}
        assert server.get("/v2/health/ready").status == 200
    assert server.post(INFER, {"inputs": [TENSOR]}).status == 200


def test_too_many_bytes_at_a_time(start, digits_template):
    server = start(digits_template.target, hook=SLOW, pending_bytes=20_000).ready()
    with waiting(server, json.dumps({"inputs": [TENSOR]}).encode().ljust(19_900)):
        assert server.metric("trimtab_pending_bytes") == 19_900
        answer = server.post(INFER, {"inputs": [TENSOR]})
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert "bodies" in answer.json["error"]
    assert server.metric("trimtab_pending_bytes") == 0
    assert server.post(INFER, {"inputs": [TENSOR]}).status == 200


def test_a_request_that_takes_too_long(start, digits_template):
    server = start(digits_template.target, hook=SLOW.replace("1.0", "30.0"), request_s=0.5).ready()
    answer = server.post(INFER, {"inputs": [TENSOR]})
    assert answer.status == 504
    assert answer.json == {"error": "it took longer than 0.5 s"}
    assert server.metric("trimtab_requests_in_flight") == 1  # the one that asks
    assert server.metric("trimtab_pending_rows") == 0


def test_a_client_that_sends_too_slowly(start, digits_template):
    server = start(digits_template.target, request_s=0.5).ready()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 504")


def test_a_client_that_leaves(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab".encode())
        time.sleep(0.1)
    while server.metric("trimtab_requests_in_flight") > 1:
        time.sleep(0.02)
    assert server.get("/v2/health/ready").status == 200


def test_a_model_that_fails_is_a_500_without_its_reason(start, digits_template):
    hook = SLOW.replace(
        'time.sleep(1.0 if len(x["input"]) == 1 else 0.02)', "assert len(x['input']) > 1, 'a secret'"
    )
    server = start(digits_template.target, hook=hook).ready()
    answer = server.post(INFER, {"inputs": [TENSOR]})
    assert (answer.status, answer.json) == (500, {"error": "the server failed; its log says where"})
    assert server.events("failure")[0]["type"] == "AssertionError"
    assert "a secret" not in server.log


# ------------------------------------------------------------------------------------------ anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "parameters": JSON,
        "inputs": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.sampled_from(["input", "x"]) | JSON,
                    "shape": st.just([1, 8, 8, 1]) | st.lists(st.integers(), max_size=5) | JSON,
                    "datatype": st.sampled_from(["FP32", "INT32", "BYTES"]) | JSON,
                    "data": st.lists(JSON, max_size=3) | st.just([0.0] * 64) | JSON,
                    "parameters": st.dictionaries(st.just("binary_data_size"), JSON) | JSON,
                },
            ),
            max_size=2,
        )
        | JSON,
        "outputs": JSON,
        "instances": st.lists(st.fixed_dictionaries({"b64": JSON}) | JSON, max_size=3) | JSON,
    },
)
BODIES = st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), NEARLY | JSON)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(
            [
                "application/json",
                "image/png",
                "audio/wav",
                "multipart/form-data",
                "multipart/form-data; boundary=x",
                "multipart/form-data; boundary=",
                "text/csv",
                ";",
            ]
        ),
        "Inference-Header-Content-Length": st.integers(-2, 300).map(str)
        | st.sampled_from(["", "x", "1e3", "9" * 40, "9" * 5000, "0" * 5000]),
    },
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([INFER, PREDICT]), body=BODIES, headers=HEADERS)
def test_no_body_is_a_failure_of_the_server(server, path, body, headers):
    answer = server.post(path, body, headers)
    assert answer.status in (200, 400, 413, 415), answer.body
    assert "Traceback" not in answer.body.decode()
    if answer.status != 200:
        assert list(answer.json) == ["error"]


def test_deep_and_long_bodies(server):
    for body in (b"[" * 90_000, b'{"inputs":' * 9_000, b'{"inputs": [' + b"{}," * 30_000 + b"{}]}"):
        assert server.post(INFER, body).status == 400
        assert server.post(PREDICT, body).status == 400
    deep = {"inputs": [{**TENSOR, "data": json.loads("[" * 90 + "1" + "]" * 90)}]}
    assert server.post(INFER, deep).status == 400
    assert not server.events("failure")
