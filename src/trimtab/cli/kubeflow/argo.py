"""The Argo workflow that a run is: its nodes, all of them, as the server keeps them.

The tasks that API v2beta1 lists come from `status.nodes` alone. Past 1 MB Argo keeps the nodes compressed
instead, and that list stops where it was. What v1beta1 says of the run has the workflow itself, either way.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from trimtab.errors import ClusterError

_ATTEMPT = re.compile(r"(.*?)(?:\((\d+)\))?")
_EXECUTOR_LOGS = re.compile(r"""[a-z0-9]+://[^"'\\\s]+/executor-logs""")
_LONGEST_PREFIX = 253 - 11  # Argo cuts the name of a pod, and puts the node's number at its end


@dataclass(frozen=True)
class Node:
    """One node of a workflow: a pod, a DAG of others, or what tries one of these again.

    Attributes:
        name: Its place: the names of the DAGs above it, and its own, each with the number of the attempt
            where it is tried again, as in `root(0).optimization(0).train(1).executor(0)`.
        kind: `Pod`, `DAG`, `Retry`, `Skipped` and so on.
        phase: `Pending`, `Running`, `Succeeded`, `Failed`, `Error`, `Skipped` or `Omitted`.
        host: The name of the cluster's node that it runs on; empty: none yet.
        archived: The key of its log in the store of Argo's artifacts; empty: there is none.
        executor_logs: The URI of the log that KFP's launcher keeps, without the attempt's number; or empty.
    """

    id: str
    name: str
    kind: str
    template: str
    phase: str
    message: str
    started: datetime | None
    ended: datetime | None
    exit_code: int | None
    host: str
    archived: str
    executor_logs: str

    @cached_property
    def path(self) -> tuple[str, ...]:
        """Returns the names in its place, without the attempts."""
        return tuple(name for name, _ in self._parts)

    @cached_property
    def attempts(self) -> tuple[int, ...]:
        """Returns the numbers of the attempts in its place; -1 where a name has none."""
        return tuple(number for _, number in self._parts)

    @cached_property
    def _parts(self) -> tuple[tuple[str, int], ...]:
        matches = (_ATTEMPT.fullmatch(part) for part in self.name.split("."))
        return tuple((match[1], int(match[2]) if match[2] else -1) for match in matches if match)

    def pod(self, workflow: str) -> str:
        """Returns the name of its pod: the workflow, the template and the node's number."""
        if self.id == workflow or not self.template:
            return self.id
        prefix = f"{workflow}-{self.template}"[:_LONGEST_PREFIX]
        return f"{prefix}-{self.id.rpartition('-')[2]}"


@dataclass(frozen=True)
class Workflow:
    """An Argo workflow.

    Attributes:
        nodes: All of its nodes; empty where Argo keeps them in a database of its own (`offloaded`).
        bucket: The bucket of the store that logs are archived in; empty: not known.
    """

    name: str
    namespace: str
    phase: str
    nodes: tuple[Node, ...]
    bucket: str
    offloaded: bool = False


def parse(manifest: str) -> Workflow:
    """Returns a workflow from its manifest.

    Args:
        manifest: The workflow as JSON.

    Raises:
        ClusterError: If it is no workflow that can be read.
    """
    try:
        content = json.loads(manifest)
        metadata, status = content["metadata"], content.get("status") or {}
        repository = (status.get("artifactRepositoryRef") or {}).get("artifactRepository") or {}
        return Workflow(
            name=metadata["name"],
            namespace=metadata.get("namespace", ""),
            phase=status.get("phase") or "Pending",
            nodes=tuple(_node(node, metadata["name"]) for node in _nodes(status).values()),
            bucket=(repository.get("s3") or {}).get("bucket", ""),
            offloaded=bool(status.get("offloadNodeStatusVersion")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zlib.error) as error:
        raise ClusterError(f"the server's workflow of this run cannot be read: {error!r}") from None


def _nodes(status: dict[str, Any]) -> dict[str, Any]:
    if packed := status.get("compressedNodes"):
        try:
            content = base64.b64decode(packed, validate=True)
        except binascii.Error as error:
            raise ValueError(f"compressedNodes: {error}") from None
        unpacked: dict[str, Any] = json.loads(gzip.decompress(content))
        return unpacked
    return status.get("nodes") or {}


def _node(node: dict[str, Any], workflow: str) -> Node:
    outputs = node.get("outputs") or {}
    logs = [item for item in outputs.get("artifacts") or [] if item.get("name") == "main-logs"]
    exit_code = outputs.get("exitCode")
    parameters = (node.get("inputs") or {}).get("parameters") or []
    patch = next((item.get("value") for item in parameters if item.get("name") == "pod-spec-patch"), None)
    executor_logs = _EXECUTOR_LOGS.search(patch or "")
    return Node(
        id=node["id"],
        name=node["name"].removeprefix(workflow).lstrip("."),
        kind=node.get("type", ""),
        template=node.get("templateName", ""),
        phase=node.get("phase") or "Pending",
        message=node.get("message", ""),
        started=_time(node.get("startedAt")),
        ended=_time(node.get("finishedAt")),
        exit_code=int(exit_code) if exit_code is not None else None,
        host=node.get("hostNodeName", ""),
        archived=(logs[0].get("s3") or {}).get("key", "") if logs else "",
        executor_logs=executor_logs[0] if executor_logs else "",
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
