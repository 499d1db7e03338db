"""Requests that are answered where they are read: as the application answers them, and nothing else."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct

import pytest

INFER = "/v2/models/digits/infer"
LENGTH = "Inference-Header-Content-Length"
NO_APPLICATION = (
    "import trimtab.deploy.serving.app as app\nasync def fails(*_): raise RuntimeError\n"
    "app.Service._infer = fails\n"
)
THREADS = "import trimtab.deploy.serving.batching as batching; batching._HANDOVER_S = -1.0\n"


@pytest.fixture(scope="module")
def server(start, digits_template):
    return start(digits_template.target, body_bytes=100_000).ready()


def tensor(rows=1, value=0.0, **changes):
    data = [value] * (64 * rows)
    return {"name": "input", "shape": [rows, 8, 8, 1], "datatype": "FP32", "data": data, **changes}


def asked(*, path=INFER, headers=None, body=None, version="1.1", **message):
    content = json.dumps({"inputs": [tensor()], **message}).encode() if body is None else body
    lines = {"Host": "a", "Content-Length": len(content), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/{version}\r\n{head}\r\n".encode(), content


def binary(rows=1):
    values = struct.pack(f"<{64 * rows}f", *[0.5] * (64 * rows))
    whole = tensor(rows, parameters={"binary_data_size": len(values)})
    del whole["data"]
    head = json.dumps({"inputs": [whole], "parameters": {"binary_data_output": True}}).encode()
    return {"body": head + values, "headers": {LENGTH: len(head)}}


def answer(server, *parts, count=1):
    """Returns what a server answers to what comes in so many packets, the time aside."""
    found = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(parts[0])
        for part in parts[1:]:
            for _ in range(
                2
            ):  # what came before is read in the event loop's turn after the first at the latest
                server.get("/v2/health/live")
            client.sendall(part)
        stream = client.makefile("rb")
        for _ in range(count):
            head = b"".join(iter(stream.readline, b"\r\n"))
            length = int(re.search(rb"content-length: (\d+)", head)[1])
            found.append(re.sub(rb"(?m)^date: .*\r$", b"date", head) + stream.read(length))
    return b"".join(found)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({}, 200),
        ({"id": "a"}, 200),
        ({"outputs": [{"name": "output"}]}, 200),
        ({"inputs": [tensor(3, 1)]}, 200),
        ({"inputs": [tensor(data=[[[[0.25]] * 8] * 8])]}, 200),
        ({"headers": {"Connection": "keep-alive", "Content-Type": "text/plain"}}, 200),
        ({"headers": {"Connection": "close"}}, 200),
        ({"version": "1.0"}, 200),
        (binary(), 200),
        (binary(2), 200),
        ({"path": "/v2/models/%64igits/infer"}, 200),
        ({"path": INFER + "?a=b"}, 200),
        ({"body": gzip.compress(asked()[1]), "headers": {"Content-Encoding": "gzip"}}, 200),
        ({"body": b"", "headers": {"Content-Encoding": "br"}}, 415),
        ({"body": b"{}"}, 400),
        ({"body": b""}, 400),
        ({"body": b"\xff{"}, 400),
        ({"body": b"[" * 10_000}, 400),
        ({"body": b"," * 90_000}, 400),
        ({"body": b" " * 100_001}, 413),
        ({"inputs": []}, 400),
        ({"inputs": [tensor(shape=[1, 64])]}, 400),
        ({"inputs": [tensor(0)]}, 400),
        ({"inputs": [tensor(value=1e39)]}, 400),
        ({"inputs": [tensor(value=3e38)]}, 200),
        ({"inputs": [tensor(value="a")]}, 400),
        ({"inputs": [tensor(name="image")]}, 400),
        ({"outputs": [{"name": "input"}]}, 400),
        ({"headers": {LENGTH: "-1"}}, 400),
        ({"path": "/v2/models/other/infer"}, 404),
    ],
)
def test_the_answer_is_the_application_s(server, request_, status):
    head, body = asked(**request_)
    at_once = answer(server, head + body)
    assert at_once == answer(server, head, body)
    assert at_once.startswith(b"HTTP/1.1 %d " % status)


def test_what_succeeds_needs_no_application(start, digits_template):
    server = start(digits_template.target, hook=NO_APPLICATION).ready()
    head, body = asked()
    assert answer(server, head + body).startswith(b"HTTP/1.1 200 ")
    assert answer(server, head, body).startswith(b"HTTP/1.1 500 ")
    head, body = asked(inputs=[tensor(10_000)])
    assert answer(server, head + body).startswith(b"HTTP/1.1 500 ")


def test_what_threads_compute_is_left_to_the_application(start, digits_template):
    server = start(digits_template.target, hook=THREADS + NO_APPLICATION).ready()
    assert answer(server, b"".join(asked())).startswith(b"HTTP/1.1 500 ")


def test_one_of_a_packet_is_answered_at_once_and_none_before_its_turn(start, digits_template):
    server = start(digits_template.target, hook=NO_APPLICATION).ready()
    first, second = b"".join(asked(id="1")), b"".join(asked(id="2"))
    live = b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    found = answer(server, first + second + live, count=3)
    assert re.findall(rb"HTTP/1.1 (\d+)|\"id\":(\"\d\")|\"(live)\"", found) == [
        (b"200", b"", b""),
        (b"", b'"1"', b""),
        (b"500", b"", b""),
        (b"200", b"", b""),
        (b"", b"", b"live"),
    ]
    assert re.findall(rb"HTTP/1.1 (\d+)", answer(server, live + first, count=2)) == [b"200", b"500"]


def test_metrics_and_log_know_of_it(start, digits_template):
    server = start(digits_template.target, hook=NO_APPLICATION).ready()
    answer(server, b"".join(asked(inputs=[tensor(2)])))
    assert server.metric('trimtab_requests_total{code="200",route="infer"}') == 1
    assert server.metric("trimtab_batch_rows_sum") == 2
    (line,) = [line for line in server.events("request") if line["route"] == "infer"]
    assert (line["method"], line["status"], line["rows"], line["version"]) == ("POST", 200, 2, 2)


def test_it_needs_the_token(start, digits_template, tmp_path):
    (tmp_path / "token").write_text("first\n")
    server = start(digits_template.target, token_file=tmp_path / "token", hook=NO_APPLICATION).ready()
    for authorization, status in (("Bearer first", 200), ("Bearer second", 401), ("", 401)):
        found = answer(server, b"".join(asked(headers={"Authorization": authorization})))
        assert found.startswith(b"HTTP/1.1 %d " % status)


def test_too_many_at_a_time_are_refused_by_the_application(start, digits_template):
    server = start(digits_template.target, requests=0, hook=NO_APPLICATION).ready()
    assert answer(server, b"".join(asked())).startswith(b"HTTP/1.1 503 ")
