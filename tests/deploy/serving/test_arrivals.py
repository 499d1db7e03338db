"""Bodies that come slowly: they cost their sender, and nobody else."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import pytest

INFER = "/v2/models/digits/infer"
TENSOR = {"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}


def announced(server, count, sent=b"", length=1000):
    """Returns connections that announce a body and send a part of it."""
    head = f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
    clients = []
    for _ in range(count):
        clients.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        clients[-1].sendall(head + sent)
    return clients


def status(client):
    return int(client.recv(4096).split()[1])


@pytest.fixture
def closing():
    with contextlib.ExitStack() as stack:
        yield lambda clients: [stack.enter_context(client) for client in clients]


def test_many_that_announce_a_body_and_send_none_shut_nobody_out(start, digits_template, closing):
    server = start(digits_template.target, requests=4, arriving=40, arriving_of_one=20).ready()
    slow = closing(announced(server, 60))
    assert {server.post(INFER, {"inputs": [TENSOR]}).status for _ in range(20)} == {200}
    # Whose body came in a packet of its own may have taken another one's room.
    assert 10 < server.metric("trimtab_requests_arriving") <= 20
    # The oldest had sent as little as all others.
    assert [status(client) for client in slow[:40]] == [408] * 40


def test_a_body_that_comes_too_slowly_is_told(start, digits_template, closing):
    server = start(digits_template.target, patience_s=0.5).ready()
    (client,) = closing(announced(server, 1, b"ab"))
    answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b"too slowly" in answer
    assert client.recv(4096) == b""
    assert server.metric("trimtab_requests_arriving") == 0


def test_a_body_in_parts_is_answered(start, digits_template, closing):
    server = start(digits_template.target, patience_s=0.5, slowest_bytes_s=100.0).ready()
    body = json.dumps({"inputs": [TENSOR]}).encode()
    (client,) = closing(announced(server, 1, body[:200], len(body)))
    time.sleep(1.0)
    client.sendall(body[200:])
    assert status(client) == 200


def test_who_has_sent_most_stays(start, digits_template, closing):
    server = start(digits_template.target, arriving_of_one=5).ready()
    body = json.dumps({"inputs": [TENSOR]}).encode()
    (honest,) = closing(announced(server, 1, body[:-1], len(body)))
    closing(announced(server, 30, b"{"))
    assert server.get("/v2/health/ready").status == 200
    honest.sendall(body[-1:])
    assert status(honest) == 200


def test_bodies_that_stall_leave_the_memory_to_others(start, digits_template, closing, eventually):
    server = start(digits_template.target, pending_bytes=50_000).ready()
    stalled = closing(announced(server, 2, b" " * 20_000, 30_000))
    eventually(lambda: server.metric("trimtab_pending_bytes") == 40_000)
    assert server.post(INFER, json.dumps({"inputs": [TENSOR]}).encode() + b" " * 15_000).status == 200
    assert sorted(server.metric("trimtab_requests_arriving") for _ in stalled) == [1, 1]
