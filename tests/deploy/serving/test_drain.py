"""SIGTERM under load: each request that was sent has its answer, on kept connections and on new ones."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections import Counter

import pytest

from trimtab.deploy.serving.door import keep_out

INFER = "/v2/models/digits/infer"
BODY = json.dumps(
    {"inputs": [{"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}]}
).encode()
CLIENTS = [*[(True, 0.0)] * 4, *[(False, 0.0)] * 8, *[(True, 0.003)] * 8]
"""Of each whether it keeps its connection, and its pause between requests in seconds."""


async def ask(port: int, keeps: bool, pause_s: float, outcomes: Counter[str]) -> None:
    """Asks again and again until nobody listens, and counts what comes of it."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            outcomes["refused"] += 1
            return
        try:
            while await _once(reader, writer, outcomes) and keeps:
                await asyncio.sleep(pause_s)
        except (OSError, asyncio.IncompleteReadError) as error:
            outcomes[type(error).__name__] += 1
        writer.close()


async def _once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outcomes: Counter[str]) -> bool:
    """Asks once, and returns whether the server keeps the connection."""
    writer.write(f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    headers = dict(line.split(b": ") for line in lines if line)
    await reader.readexactly(int(headers[b"content-length"]))
    outcomes[status.split()[1].decode()] += 1
    return headers.get(b"connection") != b"close"


@pytest.mark.parametrize("processes", [1, 2])
def test_no_request_is_lost_and_no_connection_reset(start, digits, processes):
    server = start(digits.target, processes=processes).ready()

    async def load() -> Counter[str]:
        outcomes: Counter[str] = Counter()
        asking = [asyncio.create_task(ask(server.port, *client, outcomes)) for client in CLIENTS]
        while outcomes["200"] < 200:
            await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*asking)
        return outcomes

    outcomes = asyncio.run(load())
    assert server.process.wait(60) == 0
    assert set(outcomes) == {"200", "refused"}, outcomes
    assert outcomes["refused"] == len(CLIENTS)


def test_an_idle_connection_is_closed_in_order(start, digits):
    server = start(digits.target).ready()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as idle:
        assert server.stop() == 0
        assert idle.recv(1) == b""


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_door_keeps_out_who_comes_and_lets_in_who_has_come(family, host):
    with socket.create_server((host, 0), family=family) as listener:
        address = listener.getsockname()[:2]
        with socket.create_connection(address, timeout=60) as early:
            keep_out(listener)
            early.sendall(b"here")
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(4) == b"here"
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
