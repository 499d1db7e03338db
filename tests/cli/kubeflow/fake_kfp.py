"""A Kubeflow Pipelines API server over a real socket: what v2beta1 answers, and how it fails.

The shapes are those of the backend's 2.x: a run's ``task_details`` are the nodes of its Argo workflow
(drivers, loops and executors among them), without pod names and errors; logs go by the name of the pod.
What it answers to each request is in ``kfp_api``; here is what it remembers, and how a test breaks it.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cli.kubeflow.kfp_api import RefusedError, answer

EPOCH = "1970-01-01T00:00:00Z"
OUTPUT = "gs://bucket/runs"
"""Where the tests' runs go."""


@dataclass
class Fault:
    """What happens to the next requests that match."""

    match: str
    status: int = 0
    times: int = 1
    delay: float = 0.0
    carried_out: bool = False
    body: bytes = b'{"error":"fault","code":14,"message":"the database is away\\ngoroutine 1"}'
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


class KfpServer:
    """Keeps everything in memory; a test fills it, breaks it and looks into it."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("pipelines", "experiments", "runs", "recurringruns")
        }
        self.versions: list[dict[str, Any]] = []
        self.packages: list[bytes] = []
        self.package_of: dict[str, bytes] = {}
        self.logs: dict[str, str] = {}
        self.workflows: dict[str, str] = {}  # manifests by run, as v1beta1 hands them out
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[Fault] = []
        self.script: list[dict[str, Any]] = []
        self.tokens: set[str] | None = None
        self.multi_user = False
        self.knows_security_contexts = True
        self.page_size = 2
        self.answered = 0  # items of listings
        self._lock = threading.Lock()
        self._clock = datetime(2026, 11, 1, tzinfo=UTC)

    def __enter__(self) -> KfpServer:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # a client that does not wait breaks the connection
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def fail(self, match: str, **how: Any) -> None:
        """Breaks the next requests whose ``METHOD path`` matches."""
        self.faults.append(Fault(match, **how))

    def count(self, match: str) -> int:
        """Returns how many requests matched."""
        return sum(bool(re.search(match, call)) for call in self.calls)

    def now(self) -> str:
        """Returns a time that moves on by a second."""
        self._clock += timedelta(seconds=1)
        return self._clock.isoformat().replace("+00:00", "Z")

    def add_run(self, state: str, **fields: Any) -> dict[str, Any]:
        """Adds a run as if it had been made earlier."""
        run = {
            "run_id": str(uuid.uuid4()),
            "display_name": f"earlier-{len(self.tables['runs'])}",
            "state": state,
            "storage_state": "AVAILABLE",
            "created_at": self.now(),
            "runtime_config": {"parameters": {}},
            **fields,
        }
        self.tables["runs"].append(run)
        return run

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Any:
        """Returns what answers a request, or raises RefusedError; arguments as of ``kfp_api.answer``."""
        with self._lock:
            return answer(self, method, path, query, body, kind)


def node(
    name: str,
    state: str,
    number: int = 0,
    *,
    seconds: float | None = None,
    children: tuple[int, ...] | None = None,
) -> dict[str, Any]:
    """Returns one of a run's ``task_details``; its children are by default one pod of its number."""
    start = datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(seconds=number)
    return {
        "task_id": f"{name}-{number}",
        "display_name": name,
        "state": state,
        "create_time": start.isoformat(),
        "start_time": start.isoformat(),
        "end_time": (start + timedelta(seconds=seconds)).isoformat() if seconds is not None else EPOCH,
        "child_tasks": [
            {"pod_name": f"trimtab-optimize-x7k2p-{child}"}
            for child in (children if children is not None else (number,))
        ],
    }


def _handler(server: KfpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = f"{self.command} {url.path}"
            server.calls.append(call)
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            fault = self._fault(call)
            if fault and fault.delay:
                time.sleep(fault.delay)
            if fault is None or fault.carried_out or fault.delay:
                status, answer = self._carry_out(url, body)
                if fault is None or (fault.delay and not fault.status):
                    return self._send(status, *answer)
            if not fault.status:  # the connection just breaks
                self.close_connection = True
                return None
            return self._send(fault.status, fault.body, fault.headers)

        def _fault(self, call: str) -> Fault | None:
            for fault in server.faults:
                if fault.times and re.search(fault.match, call):
                    fault.times -= 1
                    return fault
            return None

        def _carry_out(self, url: Any, body: bytes) -> tuple[int, tuple[bytes, dict[str, str]]]:
            as_json = {"Content-Type": "application/json"}
            if server.tokens is not None:
                shown = self.headers.get("authorization", "")
                if shown.removeprefix("Bearer ") not in server.tokens or not shown.startswith("Bearer "):
                    return 401, (b'{"message":"Unauthenticated: the token is expired"}', as_json)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            try:
                kind = self.headers.get("Content-Type", "")
                made = server.answer(self.command, url.path, query, body, kind)
            except RefusedError as refused:
                return refused.status, (refused.body, as_json)
            if isinstance(made, str):
                return 200, (made.encode(), {"Content-Type": "text/plain"})
            return 200, (json.dumps(made).encode(), as_json)

        def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

    return Handler
