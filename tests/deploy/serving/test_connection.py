"""Connections: what comes before a request's body, and what is no request."""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
from http import HTTPStatus
from pathlib import Path

import pytest

INFER = "/v2/models/digits/infer"
BODY = json.dumps(
    {"inputs": [{"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}]}
).encode()
HASTE = "import trimtab.deploy.serving.connection as connection; connection.HEAD_S = 0.3"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAI\r\n"


@pytest.fixture(scope="module")
def server(start, digits_template):
    return start(digits_template.target).ready()


@pytest.fixture
def client(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        yield client


def request(*headers: bytes, body: bytes = BODY, method: bytes = b"POST") -> bytes:
    head = b"%b %b HTTP/1.1\r\nHost: a\r\n%b" % (method, INFER.encode(), b"".join(headers))
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def answer(client, count=1):
    """Returns the statuses and the JSON of as many answers as are awaited."""
    stream, found = client.makefile("rb"), []
    for _ in range(count):
        status = int(stream.readline().split()[1])
        headers = dict(line.lower().split(b": ") for line in iter(stream.readline, b"\r\n"))
        found.append((status, json.loads(stream.read(int(headers[b"content-length"])))))
    return found


def closed(client):
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("parts", [1, 3])
def test_an_offer_of_http_2_loses_no_body(client, parts):
    content = request(OFFER) + request()
    for at in range(0, len(content), size := -(-len(content) // parts)):
        client.sendall(content[at : at + size])
    first, second = answer(client, 2)
    assert first[0] == 200
    assert first == second


def test_an_offer_of_http_2_with_a_body_in_chunks(client):
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" % INFER.encode()
    client.sendall(head + OFFER + b"\r\n" + chunks)
    assert answer(client)[0][0] == 200


def test_a_head_without_end(server, client):
    before = server.metric("process_resident_memory_bytes")
    client.sendall(b"POST / HTTP/1.1\r\n")
    with pytest.raises(OSError, match=r"reset|pipe"):
        for _ in range(1000):
            client.sendall(b"X: " + b"a" * 100_000)
    assert server.metric("process_resident_memory_bytes") - before < 20e6


def test_a_head_that_is_too_long_is_told(client):
    client.sendall(b"POST / HTTP/1.1\r\n")
    while not select.select([client], [], [], 0.01)[
        0
    ]:  # each packet is read as a whole, so the answer arrives
        client.sendall(b"X: " + b"a" * 4_000 + b"\r\n")
    (found,) = answer(client)
    assert found == (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        {"error": "expected a path and headers of at most 65536 bytes"},
    )
    assert closed(client)


def test_a_head_that_comes_too_slowly(start, digits_template):
    server = start(digits_template.target, hook=HASTE).ready()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(request())
        assert answer(client)[0][0] == 200
        client.sendall(b"POST / HTTP/1.1\r\n")
        assert closed(client)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(request()[:-10])  # a body has the time of a request
        with pytest.raises(TimeoutError):
            client.settimeout(1.0)
            client.recv(1)
        client.sendall(request()[-10:])
        client.settimeout(60.0)
        assert answer(client)[0][0] == 200


def test_idle_connections_are_closed(start, digits_template):
    server = start(digits_template.target, idle_s=1).ready()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        assert closed(client)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(request())
        assert answer(client)[0][0] == 200
        assert closed(client)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\0" * 100, 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /v2 HTTP/1.1\r\n\r\n", 400),
        (b"GET /v2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (request(b"Content-Length: 1\r\n"), 400),
        (request(b"Transfer-Encoding: chunked\r\n"), 400),
    ],
)
def test_what_is_no_request_is_told_in_json(client, content, status):
    client.sendall(content)
    (found,) = answer(client)
    assert (found[0], list(found[1])) == (status, ["error"])
    assert closed(client)


def test_a_client_that_asks_first_is_told_to_go_on(client):
    head, _, body = request(b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    client.sendall(head + b"\r\n\r\n")
    assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(body)
    assert answer(client)[0][0] == 200


def test_an_answer_without_a_body(client):
    client.sendall(b"HEAD /v2/health/ready HTTP/1.1\r\nHost: a\r\n\r\n")
    found = client.recv(4096)
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    assert found.endswith(b"\r\n\r\n")


def test_requests_in_one_packet_are_answered_in_their_order(client):
    client.sendall(
        b"".join(request(body=json.dumps({"id": str(i), **json.loads(BODY)}).encode()) for i in "abc")
    )
    assert [found["id"] for _, found in answer(client, 3)] == ["a", "b", "c"]


def test_a_client_of_http_1_0_needs_no_host(client):
    client.sendall(b"GET /v2/health/live HTTP/1.0\r\n\r\n")
    assert answer(client)[0][0] == 200


def test_connections_that_ask_for_nothing_make_room(start, digits_template):
    server = start(digits_template.target, connections=5).ready()
    with contextlib.ExitStack() as stack:

        def connect():
            address = ("127.0.0.1", server.port)
            return stack.enter_context(socket.create_connection(address, timeout=60))

        silent, slow, asking = connect(), connect(), connect()
        slow.sendall(b"POST / HTTP/1.1\r\n")
        asking.sendall(request()[:-1])
        for _ in range(4):
            late = connect()
        assert closed(silent)
        assert closed(slow)
        late.sendall(request())
        assert answer(late)[0][0] == 200
        asking.sendall(request()[-1:])
        assert answer(asking)[0][0] == 200


def test_as_many_files_are_taken_as_connections_may_need(start, digits_template):
    server = start(
        digits_template.target, hook="import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (300, 500))"
    )
    server.ready()
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert re.search(r"Max open files +500 +500", limits)
    with contextlib.ExitStack() as stack:
        for _ in range(600):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        assert server.get("/v2/health/ready").status == 200
