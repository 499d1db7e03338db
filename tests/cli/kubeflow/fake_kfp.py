"""A Kubeflow Pipelines API server over a real socket: what v2beta1 answers, and how it fails.

The shapes are those of the backend's 2.x: a run's ``task_details`` are the nodes of its Argo workflow
(drivers, loops and executors among them), without pod names and errors; logs go by the name of the pod.
It decodes a filter once more than the query's value, as the backend does, compares names without regard to
case, leaves empty fields out, and words errors of uploads and logs differently from all others.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

API = "/apis/v2beta1"
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
        self._lock = threading.RLock()
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
        """Returns the JSON that answers a request, or raises Refused."""
        with self._lock:
            for pattern, verb, function in _ROUTES:
                match = re.fullmatch(pattern, path)
                if match and verb == method:
                    arguments = [unquote(group) for group in match.groups()]
                    if function is _upload:
                        return _upload(self, query, body, kind)
                    return function(self, *arguments, query=query, body=json.loads(body or b"{}"))
        raise Refused(404, "")


class Refused(Exception):  # noqa: N818 - it is an answer
    """An error of the API.

    Args:
        status: The HTTP status.
        message: What is told; empty: it is no path of the API.
        plain: Whether it is one of those that do not come from the generated gateway.
    """

    def __init__(self, status: int, message: str, *, plain: bool = False) -> None:
        self.status, self.message, self.plain = status, message, plain

    @property
    def body(self) -> bytes:
        if not self.message:
            return b"404 page not found\n"
        detail = {"error_message": self.message, "error_details": f"{self.message}\ngoroutine 1"}
        if self.plain:
            return json.dumps(detail).encode()
        whole = {"@type": "type.googleapis.com/google.rpc.Status", **detail}
        return json.dumps(
            {"error": self.message, "code": 3, "message": self.message, "details": [whole]}
        ).encode()


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
            except Refused as refused:
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


def _healthz(server: KfpServer, *, query: Any, body: Any) -> Any:
    return {"multi_user": server.multi_user} if server.multi_user else {}


def _list(server: KfpServer, table: str, *, query: dict[str, str], body: Any) -> Any:
    if table not in server.tables:
        raise Refused(404, "")
    if (
        server.multi_user
        and table != "pipelines"
        and not (query.get("namespace") or "experiment_id" in query)
    ):
        raise Refused(400, "Invalid input: namespace is empty")
    if server.multi_user and (wanted := query.get("experiment_id")):
        _find(server, "experiments", "experiment_id", wanted)  # whose namespace says who may see it
    return _page(server, server.tables[table], {"recurringruns": "recurringRuns"}.get(table, table), query)


def _list_versions(server: KfpServer, pipeline: str, *, query: dict[str, str], body: Any) -> Any:
    own = [one for one in server.versions if one["pipeline_id"] == pipeline]
    return _page(server, own, "pipeline_versions", query)


def _page(server: KfpServer, rows: list[dict[str, Any]], key: str, query: dict[str, str]) -> Any:
    rows = list(rows)
    if wanted := query.get("experiment_id"):
        rows = [row for row in rows if row.get("experiment_id") == wanted]
    asked = {"filter": query.get("filter", ""), "sort_by": query.get("sort_by", "")}
    for predicate in _predicates(asked["filter"]):
        name, value = predicate["key"], predicate["stringValue"].lower()
        rows = [row for row in rows if str(row.get(name, "")).lower() == value]
    field, _, order = asked["sort_by"].partition(" ")
    if field not in ("", "created_at") or order not in ("", "asc", "desc"):
        raise Refused(400, f"Invalid input error: Cannot sort on field {field!r}")
    rows.sort(key=lambda row: row["created_at"], reverse=order == "desc")
    start = _start(query.get("page_token", ""), asked)
    size = min(int(query.get("page_size") or 20), server.page_size)
    server.answered += len(rows[start : start + size])
    answer: dict[str, Any] = {"total_size": len(rows), key: rows[start : start + size]}
    if start + size < len(rows):
        token = json.dumps({"start": start + size, **asked}).encode()
        answer["next_page_token"] = base64.b64encode(token).decode()
    return {name: value for name, value in answer.items() if value}


def _predicates(text: str) -> list[dict[str, Any]]:
    try:
        predicates = json.loads(unquote_plus(text) or "{}").get("predicates", [])
    except ValueError:
        raise Refused(400, f"failed to parse valid filter from {text!r}") from None
    for one in predicates:
        if one["operation"] not in (1, "EQUALS") or one["key"] != "display_name":
            raise Refused(400, f"no support for filtering on unrecognized field {one['key']!r}")
    return predicates


def _start(token: str, asked: dict[str, str]) -> int:
    if not token:
        return 0
    try:
        content = json.loads(base64.b64decode(token, validate=True))
    except ValueError:
        raise Refused(400, "Invalid package token.") from None
    if {**content, **asked} != content:
        raise Refused(400, "page token does not match the supplied sort by and/or filtering criteria")
    return int(content["start"])


def _upload(server: KfpServer, query: dict[str, str], body: bytes, kind: str) -> Any:
    message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    package = message.get_payload()[0].get_payload(decode=True)
    table = server.versions if "pipelineid" in query else server.tables["pipelines"]
    scope = query.get("pipelineid")
    if any(
        row["display_name"] == query["name"] and row.get("pipeline_id") == (scope or row["pipeline_id"])
        for row in table
    ):
        raise Refused(409, "Failed to create a pipeline version", plain=True)
    made = {
        "pipeline_id": scope or str(uuid.uuid4()),
        "display_name": query["name"],
        "name": query["name"],
        "created_at": server.now(),
        "tags": json.loads(query["tags"]),
    }
    version = {**made, "pipeline_version_id": str(uuid.uuid4())}
    server.packages.append(package)
    server.package_of[version["pipeline_version_id"]] = package
    server.versions.append(version)  # of a new pipeline too: its first version has its name
    if not scope:
        table.append(made)
    return version if scope else made


def _create_experiment(server: KfpServer, *, query: Any, body: dict[str, Any]) -> Any:
    wanted = body["display_name"].lower()
    if any(one["display_name"].lower() == wanted for one in server.tables["experiments"]):
        raise Refused(409, "Already exist error: experiment")
    made = {"experiment_id": str(uuid.uuid4()), "created_at": server.now(), **body}
    server.tables["experiments"].append(made)
    return made


# What a real one says goes through every DAG that it compiles before it comes to the point.
UNKNOWN_FIELD = "".join(
    (
        "Failed to create a new run: InternalServerError: failed to generate the ExecutionSpec: ",
        "Failed to compile job: ",
        *(
            f'error processing component name="{name}": '
            for name in ("root", "comp-optimization", "comp-deploy")
        ),
        'compiling DAG "comp-condition-3": compiling task "deploy": error creating executor for "deploy": ',
        'failed to unmarshal kubernetes config: proto: (line 1:97): unknown field "securityContext"',
    )
)


def _checked(server: KfpServer, body: dict[str, Any]) -> None:
    if not any(one["experiment_id"] == body["experiment_id"] for one in server.tables["experiments"]):
        raise Refused(400, "Invalid input: experiment not found")
    reference = body["pipeline_version_reference"]["pipeline_version_id"]
    one = next((one for one in server.versions if one["pipeline_version_id"] == reference), None)
    if one is None:
        raise Refused(400, "Invalid input: pipeline version not found")
    package = server.package_of[reference]
    if not hashlib.sha256(package).hexdigest().startswith(one["display_name"]):
        raise Refused(400, "Invalid input: this is the pipeline's first version, not what was compiled")
    if not server.knows_security_contexts and b"securityContext" in package:
        raise Refused(500, UNKNOWN_FIELD)


def _create_run(server: KfpServer, *, query: Any, body: dict[str, Any]) -> Any:
    _checked(server, body)
    made = {
        "run_id": str(uuid.uuid4()),
        "state": "PENDING",
        "storage_state": "AVAILABLE",
        "created_at": datetime.now(UTC).isoformat(),
        **body,
    }
    server.tables["runs"].append(made)
    return made


def _create_job(server: KfpServer, *, query: Any, body: dict[str, Any]) -> Any:
    _checked(server, body)
    if not 1 <= int(body.get("max_concurrency") or 0) <= 10:
        raise Refused(400, "Invalid input error: Max concurrency of a recurring run must be at least 1")
    cron = body["trigger"].get("cron_schedule", {}).get("cron")
    if cron is not None and len(cron.split()) != 6:
        raise Refused(400, "Schedule cron is not a supported format")
    if every := body["trigger"].get("periodic_schedule"):
        every["interval_second"] = str(every["interval_second"])  # JSON has no 64-bit integers
    made = {
        "recurring_run_id": str(uuid.uuid4()),
        "created_at": server.now(),
        "status": "ENABLED" if body.get("mode") == "ENABLE" else "DISABLED",
        **body,
        "max_concurrency": str(body["max_concurrency"]),
    }
    server.tables["recurringruns"].append(made)
    return made


def _get_run(server: KfpServer, identifier: str, *, query: Any, body: Any) -> Any:
    run = _find(server, "runs", "run_id", identifier)
    if server.script and run["state"] not in ("CANCELED",):
        run.update(server.script.pop(0))
    return run


def _act(server: KfpServer, table: str, identifier: str, action: str, *, query: Any, body: Any) -> Any:
    key = "run_id" if table == "runs" else "recurring_run_id"
    changes = {
        "terminate": {"state": "CANCELING"},
        "archive": {"storage_state": "ARCHIVED"},
        "enable": {"status": "ENABLED", "mode": "ENABLE"},
        "disable": {"status": "DISABLED", "mode": "DISABLE"},
    }
    row = _find(server, table, key, identifier)
    if action == "terminate" and row["state"] not in ("PENDING", "RUNNING"):
        raise Refused(400, f"Failed to terminate a run {identifier}. Row not found")
    row.update(changes[action])
    return {}


def _get_job(server: KfpServer, identifier: str, *, query: Any, body: Any) -> Any:
    return _find(server, "recurringruns", "recurring_run_id", identifier)


def _delete_job(server: KfpServer, identifier: str, *, query: Any, body: Any) -> Any:
    table = server.tables["recurringruns"]
    table.remove(_find(server, "recurringruns", "recurring_run_id", identifier))
    return {}


def _log(server: KfpServer, run: str, pod: str, *, query: Any, body: Any) -> Any:
    _find(server, "runs", "run_id", run)
    said = f"BadRequestError: Failed to read logs for run {run}"
    # It says 200 before it looks.
    return server.logs.get(pod) or json.dumps({"error_message": said, "error_details": said})


def _get_workflow(server: KfpServer, run: str, *, query: Any, body: Any) -> Any:
    if run not in server.workflows:
        raise Refused(404, "")  # a server without v1beta1
    return {"run": {"id": run}, "pipeline_runtime": {"workflow_manifest": server.workflows[run]}}


def _delete_run(server: KfpServer, identifier: str, *, query: Any, body: Any) -> Any:
    server.tables["runs"].remove(_find(server, "runs", "run_id", identifier))
    return {}


def _find(server: KfpServer, table: str, key: str, identifier: str) -> dict[str, Any]:
    for row in server.tables[table]:
        if row[key] == identifier:
            return row
    raise Refused(404, f"{table} {identifier} not found")


_ROUTES: list[tuple[str, str, Any]] = [
    (rf"{API}/healthz", "GET", _healthz),
    (rf"{API}/pipelines/upload", "POST", _upload),
    (rf"{API}/pipelines/upload_version", "POST", _upload),
    (rf"{API}/pipelines/([^/]+)/versions", "GET", _list_versions),
    (rf"{API}/experiments", "POST", _create_experiment),
    (rf"{API}/runs", "POST", _create_run),
    (rf"{API}/recurringruns", "POST", _create_job),
    (rf"{API}/recurringruns/([^/:]+)", "GET", _get_job),
    (rf"{API}/recurringruns/([^/:]+)", "DELETE", _delete_job),
    (rf"{API}/runs/([^/:]+)", "GET", _get_run),
    (rf"{API}/runs/([^/:]+)", "DELETE", _delete_run),
    (rf"{API}/(\w+)/([^/:]+):(\w+)", "POST", _act),
    (rf"{API}/(\w+)", "GET", _list),
    (r"/apis/v1beta1/runs/([^/]+)", "GET", _get_workflow),
    (r"/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", "GET", _log),
]
