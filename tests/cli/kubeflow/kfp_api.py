"""What a fake of Kubeflow Pipelines' API answers to each request, and what it refuses, as v2beta1 does.

It decodes a filter once more than the query's value, as the backend does, compares names without regard to
case, leaves empty fields out, and words errors of uploads and logs differently from all others.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from datetime import UTC, datetime
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from cli.kubeflow.fake_kfp import KfpServer

API = "/apis/v2beta1"


class RefusedError(Exception):
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


def answer(
    server: KfpServer, method: str, path: str, query: dict[str, str], body: bytes, kind: str
) -> dict[str, Any] | str:
    """Returns what answers a request: JSON, or text.

    Args:
        server: What it knows, and is changed by the request.
        method: Such as ``GET``.
        path: Without the query.
        query: One value a key.
        body: JSON, or what is uploaded.
        kind: The content type of the body.

    Raises:
        RefusedError: If it is refused, or no path of the API.
    """
    for pattern, verb, function in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match and verb == method:
            arguments = [unquote(group) for group in match.groups()]
            if function is _upload:
                return _upload(server, query, body, kind)
            return function(server, *arguments, query=query, body=json.loads(body or b"{}"))
    raise RefusedError(404, "")


def _healthz(server: KfpServer, *, query: Any, body: Any) -> Any:
    return {"multi_user": server.multi_user} if server.multi_user else {}


def _list(server: KfpServer, table: str, *, query: dict[str, str], body: Any) -> Any:
    if table not in server.tables:
        raise RefusedError(404, "")
    if (
        server.multi_user
        and table != "pipelines"
        and not (query.get("namespace") or "experiment_id" in query)
    ):
        raise RefusedError(400, "Invalid input: namespace is empty")
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
        raise RefusedError(400, f"Invalid input error: Cannot sort on field {field!r}")
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
        raise RefusedError(400, f"failed to parse valid filter from {text!r}") from None
    for one in predicates:
        if one["operation"] not in (1, "EQUALS") or one["key"] != "display_name":
            raise RefusedError(400, f"no support for filtering on unrecognized field {one['key']!r}")
    return predicates


def _start(token: str, asked: dict[str, str]) -> int:
    if not token:
        return 0
    try:
        content = json.loads(base64.b64decode(token, validate=True))
    except ValueError:
        raise RefusedError(400, "Invalid package token.") from None
    if {**content, **asked} != content:
        raise RefusedError(400, "page token does not match the supplied sort by and/or filtering criteria")
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
        raise RefusedError(409, "Failed to create a pipeline version", plain=True)
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
        raise RefusedError(409, "Already exist error: experiment")
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
        raise RefusedError(400, "Invalid input: experiment not found")
    reference = body["pipeline_version_reference"]["pipeline_version_id"]
    one = next((one for one in server.versions if one["pipeline_version_id"] == reference), None)
    if one is None:
        raise RefusedError(400, "Invalid input: pipeline version not found")
    package = server.package_of[reference]
    if not hashlib.sha256(package).hexdigest().startswith(one["display_name"]):
        raise RefusedError(400, "Invalid input: this is the pipeline's first version, not what was compiled")
    if not server.knows_security_contexts and b"securityContext" in package:
        raise RefusedError(500, UNKNOWN_FIELD)


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
        raise RefusedError(400, "Invalid input error: Max concurrency of a recurring run must be at least 1")
    cron = body["trigger"].get("cron_schedule", {}).get("cron")
    if cron is not None and len(cron.split()) != 6:
        raise RefusedError(400, "Schedule cron is not a supported format")
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
        raise RefusedError(400, f"Failed to terminate a run {identifier}. Row not found")
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
        raise RefusedError(404, "")  # a server without v1beta1
    return {"run": {"id": run}, "pipeline_runtime": {"workflow_manifest": server.workflows[run]}}


def _delete_run(server: KfpServer, identifier: str, *, query: Any, body: Any) -> Any:
    server.tables["runs"].remove(_find(server, "runs", "run_id", identifier))
    return {}


def _find(server: KfpServer, table: str, key: str, identifier: str) -> dict[str, Any]:
    for row in server.tables[table]:
        if row[key] == identifier:
            return row
    raise RefusedError(404, f"{table} {identifier} not found")


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
