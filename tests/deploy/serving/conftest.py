"""Servers: real processes on real sockets, over repositories that were really deployed to."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import served_process
from faults import forked
from served import predict
from served_process import Forked

from trimtab.batch import INPUT, OUTPUT
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import SCHEMA_FILE, Dataset
from trimtab.deploy import promotion
from trimtab.deploy.golden import Golden
from trimtab.stages import data_prep
from trimtab.storage import artifact

LIMITS = {"poll_s": 0.05, "retry_s": 0.2, "notice_s": 0.3, "drain_s": 30.0}
ACCESS = ("token_file", "certificate", "key")
PATIENCE_S = 60.0


@dataclasses.dataclass
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """A server process, and a client of it."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked, log: Path) -> None:
        self._log, self.process = log, process
        self.port = int(self.event("listening")["port"])

    def events(self, name: str) -> list[dict[str, Any]]:
        """Returns the lines of the log about one kind of event."""
        lines = [line for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [found for found in map(json.loads, lines) if found["event"] == name]

    def event(self, name: str) -> dict[str, Any]:
        """Returns the first such line, waiting for it."""
        return _eventually(lambda: self.events(name), self.alive)[0]

    def alive(self) -> None:
        assert self.process.poll() is None, self._log.read_text()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Sends one request on a connection of its own; what is not bytes is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        return self.request("POST", path, body, headers)

    def ready(self) -> Server:
        """Waits until a model is in service."""
        _eventually(lambda: self.get("/v2/health/ready").status == 200, self.alive)
        return self

    def metric(self, name: str) -> float:
        """Returns the sum of a metric over its labels."""
        lines = self.get("/metrics").body.decode().splitlines()
        found = [line for line in lines if line.startswith((f"{name} ", name + "{"))]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def stop(self) -> int:
        """Sends SIGTERM and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def _eventually(found: Callable[[], Any], check: Callable[[], None] = lambda: None) -> Any:
    """Returns what ``found`` returns as soon as that is true."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if result := found():
            return result
        check()
        time.sleep(0.02)
    pytest.fail("it took too long")


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Returns a function that waits: ``eventually(found)`` is what ``found()`` is as soon as that is true."""
    return _eventually


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Returns a function that starts a server: ``start(target, name="digits", hook="", **limits)``.

    Names of ``Access``, and ``processes``, may be among the limits. A process is forked if its environment is
    this one's, unless it is to start ``afresh``.
    """
    servers: list[Server] = []

    def make(
        target: str | Path,
        name: str = "digits",
        hook: str = "",
        environment: dict[str, str] | None = None,
        *,
        afresh: bool = False,
        **limits: Any,
    ) -> Server:
        access = {key: str(limits.pop(key)) for key in ACCESS if key in limits}
        processes = str(limits.pop("processes", 1))
        settings = json.dumps({**LIMITS, **limits}), json.dumps(access)
        arguments = [str(target), name, *settings, processes, hook]
        log = tmp_path_factory.mktemp("server") / "log"
        process: subprocess.Popen[bytes] | Forked
        if afresh or environment or processes != "1":
            command = [sys.executable, "-P", served_process.__file__, *arguments]
            with log.open("wb") as stream:
                process = subprocess.Popen(command, stderr=stream, env={**os.environ, **(environment or {})})
        else:
            log.touch()
            process = Forked(forked.start(served_process.main, log, *arguments))
        servers.append(Server(process, log))
        return servers[-1]

    yield make
    for server in servers:
        server.process.kill()
        server.process.wait()


@dataclasses.dataclass
class Deployed:
    """A repository with versions to point to.

    Attributes:
        target: Its directory.
        dataset: What the models were made for.
        pointers: What ``champion.json`` held after each deployment.
    """

    target: Path
    dataset: Dataset
    pointers: list[bytes]

    def point_to(self, version: int) -> None:
        part = self.target / ".part"
        part.write_bytes(self.pointers[version - 1])
        part.replace(self.target / "champion.json")

    def outputs(self, version: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the test examples as a model takes them, and what a version answers."""
        x = self.dataset.model_input(self.dataset.arrays("test")[0])
        return x, predict(self.target / str(version), x)

    def copy(self, to: Path) -> Deployed:
        shutil.copytree(self.target, to)
        return dataclasses.replace(self, target=to)


@pytest.fixture(scope="session")
def deploy_on(
    tmp_path_factory: pytest.TempPathFactory, linear_tflite: Callable[..., bytes]
) -> Callable[..., Deployed]:
    """Returns a function that deploys models on a dataset: ``deploy_on(dataset, versions=1)``."""

    def make(dataset: Path, versions: int = 1) -> Deployed:
        folder, data, pointers = tmp_path_factory.mktemp("deployed"), Dataset.open(dataset), []
        for seed in range(versions):
            selection = _selection(folder / f"selection-{seed}", data, seed, linear_tflite)
            promotion.deploy(str(folder / "target"), selection, (dataset / SCHEMA_FILE).read_bytes(), "{}")
            pointers.append((folder / "target" / "champion.json").read_bytes())
        return Deployed(folder / "target", data, pointers)

    return make


def _selection(
    path: Path, data: Dataset, seed: int, linear_tflite: Callable[..., bytes]
) -> artifact.Artifact:
    shape, kind = data.schema.input.shape, data.schema.input.kind
    weights = np.random.default_rng(seed).normal(size=(data.schema.outputs, int(np.prod(shape))))
    softmax = data.schema.task == "classification"
    content = linear_tflite(weights / 50, shape=shape, softmax=softmax, tokens=kind == "text")
    with artifact.create(path, "selection") as draft:
        (draft.path / "model.tflite").write_bytes(content)
        x = data.arrays("test")[0][:8]
        y = predict(draft.path, data.model_input(x))
        Golden({INPUT: x}, {OUTPUT: y}, 1e-5).save(draft.path / "golden.npz")
        (draft.path / "selection.json").write_text(json.dumps({"seed": seed}))
        draft.lineage = {"dataset": data.fingerprint, "candidate": "none--none"}
    return artifact.load(path, "selection")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Returns a function that prepares a source's data as a run does: ``prepared(train=…, **data)``."""

    def make(**data: Any) -> Path:
        folder = tmp_path_factory.mktemp("prepared")
        config = {
            "data": {"workers": 1, **data},
            "model": {"architecture": "mlp"},
            "budget": {"proof": "estimate"},
        }
        text = Config.model_validate(config).model_dump_json()
        return folder / "store" / data_prep.run(str(folder / "run"), text)

    return make


@pytest.fixture(scope="session")
def digits_template(deploy_on: Callable[..., Deployed], digits_dataset: Path) -> Deployed:
    """Returns a repository of digits with two versions; copy it before changing it."""
    return deploy_on(digits_dataset, versions=2)


@pytest.fixture
def digits(digits_template: Deployed, tmp_path: Path) -> Deployed:
    """Returns a repository of digits with two versions, of which the first one is the champion."""
    deployed = digits_template.copy(tmp_path / "digits")
    deployed.point_to(1)
    return deployed
