"""``trimtab serve`` while crowds, bombs and moves of the pointer are upon it: every answer is compared.

Honest clients ask again and again. *Wrong* is an answer of 200 that is not the named version's, *lost* a
request that got no answer, or none in time; to be refused as busy is neither, and they come again.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from faults import repository
from faults.tally import Tally
from served import predict

from trimtab.data.dataset.dataset import Dataset

GROUP = "crowds"
SECONDS = {"small": 1.0, "full": 15.0}
CROWD = {"small": 100, "full": 2_000}
CLIENTS, PATIENCE_S, READY_S = 4, 60.0, 120.0


@dataclass
class Served:
    """A server, what it must answer, and what its clients have seen."""

    process: subprocess.Popen[bytes]
    port: int
    name: str
    body: bytes
    expected: dict[str, np.ndarray]
    tally: Tally
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def infer(self) -> str:
        return f"/v2/models/{self.name}/infer"

    def connection(self) -> http.client.HTTPConnection:
        """Returns a connection from another address than the crowd's, which has a share of its own."""
        source = ("127.0.0.2", 0)
        return http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_S, source_address=source)

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)

    def judge(self, status: int, content: bytes, when: str) -> None:
        """Compares an answer."""
        with self.lock:
            self.tally.add("asked")
            if status in (429, 503):
                self.tally.add("busy")
            elif status != 200:
                self.tally.fault("wrong", f"{when}: {status} {content[:200]!r}")
            else:
                self._compare(json.loads(content), when)

    def _compare(self, answer: dict[str, object], when: str) -> None:
        outputs, version = answer["outputs"], str(answer["model_version"])
        data = np.asarray(outputs[0]["data"])  # type: ignore[index]
        if version not in self.expected or not np.allclose(data, self.expected[version], atol=1e-5):
            self.tally.fault("wrong", f"{when}: version {version}: {data[:3]}")

    def lost(self, error: BaseException, when: str) -> None:
        with self.lock:
            self.tally.add("asked")
            self.tally.fault("lost", f"{when}: {error!r}")


def run(size: str, directory: Path, seed: int = 0) -> Tally:
    """Lets each trouble be, one after the other, while honest clients ask."""
    tally, chance = Tally(GROUP, ("wrong", "lost", "died")), random.Random(seed)
    target, _, (prepared, *_) = repository.make(directory / "made")
    with _served(target, prepared, directory, tally) as served:
        for trouble in (_quiet, _slow_heads, _slow_bodies, _floods, _bombs, _moves(target)):
            when = getattr(trouble, "__name__", "moves").strip("_")
            with _asking(served, when):
                trouble(served, SECONDS[size], CROWD[size], chance)
            tally.add("troubles")
            if served.process.poll() is not None:
                tally.fault("died", f"{when}: {(directory / 'log').read_text()[-500:]}")
                return tally
        _stopped(served, SECONDS[size])
    return tally


@contextlib.contextmanager
def _served(target: Path, prepared: Path, directory: Path, tally: Tally) -> Iterator[Served]:
    data = Dataset.open(prepared)
    x = data.model_input(data.arrays("test")[0][:1])
    tensor = {"name": "input", "shape": list(x.shape), "datatype": "FP32", "data": x.ravel().tolist()}
    expected = {str(v): predict(target / str(v), x)[0] for v in repository.VERSIONS}
    command = [sys.executable, "-m", "trimtab", "serve", str(target), "--host", "127.0.0.1", "--port", "0"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
    try:
        port = _listening(process, directory / "log")
        body = json.dumps({"inputs": [tensor]}).encode()
        yield Served(process, port, target.name, body, expected, tally)
    finally:
        process.kill()
        process.wait()


def _listening(process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + READY_S
    while '"serving"' not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return int(next(line["port"] for line in lines if "port" in line))


@contextlib.contextmanager
def _asking(served: Served, when: str) -> Iterator[None]:
    """Lets honest clients ask for as long as the block lasts, on connections that are kept alive."""
    stop = threading.Event()

    def ask() -> None:
        connection = served.connection()
        while not stop.is_set():
            try:
                connection.request("POST", served.infer, served.body)
                response = connection.getresponse()
                served.judge(response.status, response.read(), when)
                if response.status != 200 or response.will_close:
                    connection.close()
                    time.sleep(0.05)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                served.lost(error, when)
                time.sleep(0.05)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _quiet(served: Served, seconds: float, crowd: int, chance: random.Random) -> None:
    time.sleep(seconds)


def _crowd(served: Served, count: int, sent: Callable[[int], bytes], seconds: float) -> None:
    """Holds so many connections open, each of which sends little."""
    with contextlib.ExitStack() as stack:
        for number in range(count):
            with contextlib.suppress(OSError):  # it may be shut out, as it should
                one = stack.enter_context(served.socket())
                one.sendall(sent(number))
        time.sleep(seconds)


def _slow_heads(served: Served, seconds: float, crowd: int, chance: random.Random) -> None:
    _crowd(served, crowd, lambda number: f"POST {served.infer} HTTP/1.1\r\nX-{number}:".encode(), seconds)


def _slow_bodies(served: Served, seconds: float, crowd: int, chance: random.Random) -> None:
    head = f"POST {served.infer} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n".encode()
    _crowd(served, crowd, lambda number: head + b"x" * (number % 3), seconds)


def _floods(served: Served, seconds: float, crowd: int, chance: random.Random) -> None:
    """Connections that come and go without a word."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), served.socket() as one:
            one.sendall(chance.randbytes(chance.randrange(200)))


def _bombs(served: Served, seconds: float, crowd: int, chance: random.Random) -> None:
    """Bodies that unpack to much, say to be long, or are deep."""
    packed = gzip.compress(bytes(64 << 20))
    bombs: list[tuple[bytes, dict[str, str]]] = [
        (packed, {"Content-Encoding": "gzip"}),
        (b"[" * 100_000, {}),
        (served.body, {"Inference-Header-Content-Length": "9" * 5000}),
        (b'{"inputs": [{"name": "input", "shape": [1000000000, 64], "datatype": "FP32", "data": []}]}', {}),
        (b'{"inputs": [' + b"{}," * 100_000 + b"{}]}", {}),
    ]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for body, headers in bombs:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = served.connection()
                connection.request("POST", served.infer, body, headers)
                status = connection.getresponse().status
                connection.close()
                if status == 200 or (status >= 500 and status != 503):
                    with served.lock:
                        served.tally.fault("wrong", f"bombs: {status} for {headers} {body[:40]!r}")


def _moves(target: Path) -> Callable[..., None]:
    """Moves the pointer to one version after the other, each of which was deployed once."""
    from trimtab.deploy import pointer
    from trimtab.deploy.repository import Repository

    def moves(served: Served, seconds: float, crowd: int, chance: random.Random) -> None:
        models, end = Repository(str(target)), time.monotonic() + seconds
        while time.monotonic() < end:
            champion, content = models.champion(), models.pointer()
            assert champion is not None
            version = chance.choice([v for v in repository.VERSIONS if v != champion.version])
            selection = champion.selection_of(version)
            assert selection is not None
            pointer.move(models, content, version, selection, action="promote")
            served.tally.add("moves")
            time.sleep(0.5)

    return moves


def _stopped(served: Served, seconds: float) -> None:
    """Stops the server while clients ask: all that was accepted is answered, and nothing is reset."""
    stop = threading.Event()

    def ask() -> None:
        connection, fresh = served.connection(), True
        while not stop.is_set():
            try:
                connection.request("POST", served.infer, served.body)
            except OSError as error:
                if not (fresh and isinstance(error, ConnectionRefusedError)):
                    served.lost(error, "stop, sending")
                return  # it listens no longer: no answer was due
            try:
                response = connection.getresponse()
                served.judge(response.status, response.read(), "stop")
            except (OSError, http.client.HTTPException) as error:
                served.lost(error, "stop, waiting")
                return
            fresh = response.will_close
            if fresh:
                connection.close()

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(min(1.0, seconds))
    os.kill(served.process.pid, signal.SIGTERM)
    if served.process.wait(PATIENCE_S):
        served.tally.fault("died", f"exit code {served.process.returncode} after SIGTERM")
    stop.set()
    for thread in threads:
        thread.join()
