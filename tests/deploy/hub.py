"""A model registry that takes what its API's description allows, and nothing else.

Names, types and states are those of the schemas RegisteredModelCreate, ModelVersionCreate, ModelVersionUpdate
and ModelArtifactCreate of https://github.com/kubeflow/model-registry, api/openapi/model-registry.yaml.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema

TEXT = {"type": "string"}


def _value(kind: str, field: str, schema: dict[str, Any]) -> dict[str, Any]:
    fields = {field: schema, "metadataType": {"const": kind}}
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


VALUE = {
    "oneOf": [
        _value("MetadataStringValue", "string_value", TEXT),
        _value("MetadataIntValue", "int_value", {"type": "string", "pattern": "^-?[0-9]+$"}),
        _value("MetadataDoubleValue", "double_value", {"type": "number"}),
        _value("MetadataBoolValue", "bool_value", {"type": "boolean"}),
    ]
}
COMMON = {
    "customProperties": {"type": "object", "additionalProperties": VALUE},
    "description": TEXT,
    "externalId": TEXT,
}
STATE = {"enum": ["LIVE", "ARCHIVED"]}
NAME = {"type": "string", "minLength": 1}
ARTIFACT_STATES = ["UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"]


def _object(required: list[str], **fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**COMMON, **fields},
        "required": required,
        "additionalProperties": False,
    }


MODEL = _object(["name"], name=NAME, owner=TEXT, state=STATE)
VERSION_UPDATE = _object([], author=TEXT, state=STATE)
VERSION = _object(["name", "registeredModelId"], name=NAME, registeredModelId=NAME, author=TEXT, state=STATE)
ARTIFACT = _object(
    ["artifactType"],
    artifactType={"const": "model-artifact"},
    name=TEXT,
    uri=TEXT,
    modelFormatName=TEXT,
    modelFormatVersion=TEXT,
    state={"enum": ARTIFACT_STATES},
)


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Hub:
    """What is registered, and what was asked for.

    Attributes:
        api: The version of the API that it has.
        page: The most items in an answer.
        faults: Statuses that the next requests are answered with.
    """

    def __init__(self) -> None:
        self.api, self.page = "v1", 2
        self.models: list[dict[str, Any]] = []
        self.versions: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.tokens: set[str | None] = set()
        self.faults: list[int] = []

    def states(self, model: str = "") -> dict[str, str]:
        """Returns the states of versions by their URIs."""
        return {version["externalId"]: version["state"] for version in self.versions}

    def answer(self, method: str, path: str, query: dict[str, str], content: Any) -> dict[str, Any]:
        found = re.fullmatch(rf"/api/model_registry/{self.api}/([a-z_]+)(?:/(\d+))?(?:/([a-z]+))?", path)
        if found is None:
            raise RefusedError(404, "404 page not found")
        match (method, *found.groups()):
            case ("GET", "registered_models", None, None):
                return self._listed(self.models, query)
            case ("GET", "registered_model", None, None):
                return self._one([each for each in self.models if each["name"] == query.get("name")])
            case ("POST", "registered_models", None, None):
                return self._made(self.models, MODEL, content, lambda each: each["name"])
            case ("GET", "model_version", None, None):
                key = query.get("externalId")
                return self._one([each for each in self.versions if each.get("externalId") == key])
            case ("POST", "model_versions", None, None):
                return self._made(
                    self.versions, VERSION, content, lambda each: (each["registeredModelId"], each["name"])
                )
            case ("PATCH", "model_versions", identifier, None):
                jsonschema.validate(content, VERSION_UPDATE)
                version = self._one([each for each in self.versions if each["id"] == identifier])
                version.update(content)
                return version
            case ("GET", "registered_models", identifier, "versions"):
                mine = [each for each in self.versions if each["registeredModelId"] == identifier]
                return self._listed(mine, query)
            case ("GET", "model_versions", identifier, "artifacts"):
                return self._listed([each for each in self.artifacts if each["of"] == identifier], query)
            case ("POST", "model_versions", identifier, "artifacts"):
                made = self._made(self.artifacts, ARTIFACT, content, lambda each: each["name"])
                made["of"] = identifier
                return made
        raise RefusedError(405, "no such operation")

    def _made(self, known: list[dict[str, Any]], schema: dict[str, Any], content: Any, key) -> dict[str, Any]:
        jsonschema.validate(content, schema)
        if key(content) in [key(each) for each in known]:
            raise RefusedError(409, "already exists")
        known.append({**content, "id": str(1 + len(known))})
        return known[-1]

    def _one(self, found: list[dict[str, Any]]) -> dict[str, Any]:
        if not found:
            raise RefusedError(404, "no such one")
        return found[0]

    def _listed(self, items: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        start = int(query.get("nextPageToken") or 0)
        some = items[start : start + self.page]
        more = str(start + self.page) if start + self.page < len(items) else ""
        return {"items": some, "nextPageToken": more, "pageSize": self.page, "size": len(some)}


@contextmanager
def served() -> Iterator[Hub]:
    """Yields a registry that answers at its ``url``."""
    hub, lock = Hub(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                hub.requests.append(f"{self.command} {parts.path}")
                hub.tokens.add(self.headers["Authorization"])
                status, answer = self._answered(parts, json.loads(body) if body else None)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answered(self, parts, content) -> tuple[int, dict[str, Any]]:
            if hub.faults and (fault := hub.faults.pop(0)):
                return fault, {"message": "a fault"}
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            try:
                made = hub.answer(self.command, parts.path, query, content)
            except RefusedError as error:
                return error.status, {"message": str(error)}
            except jsonschema.ValidationError as error:
                return 400, {"message": error.message}
            return (201 if self.command == "POST" else 200), made

        do_GET = do_POST = do_PATCH = _do  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        yield hub
        server.shutdown()
