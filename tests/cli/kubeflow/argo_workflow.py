"""Argo workflows as a Kubeflow Pipelines server keeps them, made in the form of what a real one answered."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

NAME = "trimtab-optimize-x7k2p"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def fnv1a(text: str) -> int:
    """Returns the number that Argo ends a node's id with."""
    value = 2_166_136_261
    for byte in text.encode():
        value = (value ^ byte) * 16_777_619 % 2**32
    return value


def history(*states: str) -> list[dict[str, str]]:
    """Returns a run's history of states, a minute apart."""
    return [
        {"state": state, "update_time": (START + timedelta(minutes=number)).isoformat()}
        for number, state in enumerate(states)
    ]


class Made:
    """A workflow that grows by a component at a time.

    Args:
        retries: Whether the server puts a layer of retries around every node, as 2.17.0 does.
    """

    def __init__(self, *, retries: bool = True) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self._retries, self._seconds = retries, 0
        self._above = "root(0).optimization(0)" if retries else "root.optimization"
        self._node("root", "DAG", "root", "Running")

    def task(self, name: str, phase: str = "Succeeded", *, inside: str = "", **pod: Any) -> str:
        """Adds a component's driver, its task and its pods; returns the name of the last pod.

        Args:
            name: The task's name in the pipeline.
            phase: Of the task and its last pod; `Omitted`: there is no pod; `Cached`: KFP answered for it.
            inside: What it is in below the pipeline's DAG, such as a loop's item.
            pod: Fields of the last pod's node.
        """
        above = f"{self._above}.{inside}" if inside else self._above
        place, attempt = f"{above}.{name}", "(0)" if self._retries else ""
        if phase == "Omitted":
            self._node(f"{place}-driver", "Skipped", "system-container-driver", phase)
            self._node(place, "Skipped", "metadata-0-2-system-container-executor", phase)
            return ""
        self._node(f"{place}-driver{attempt}", "Pod", "system-container-driver", "Succeeded")
        kinds = ("Retry", "DAG") if self._retries else ("DAG",)
        over = {"Pending": "Running", "Cached": "Succeeded"}.get(phase, phase)
        end = {"finishedAt": pod["finishedAt"]} if "finishedAt" in pod else {}
        for kind, suffix in zip(kinds, ("", attempt), strict=False):
            self._node(f"{place}{suffix}", kind, "metadata-0-2-system-container-executor", over, **end)
        executor = f"{place}{attempt}.executor"
        template = "metadata-0-2-system-container-impl"
        if phase == "Cached":
            self._node(executor, "Skipped", template, "Skipped")
            return ""
        if self._retries:
            self._node(executor, "Retry", template, over, **end)
        made = self._node(f"{executor}{attempt}", "Pod", template, phase, **pod)
        return f"{NAME}-{template}-{made['id'].rpartition('-')[2]}"

    def manifest(self, phase: str = "Running", *, compressed: bool = False) -> str:
        """Returns the workflow as the server hands it out, its nodes compressed if they are too large."""
        packed = base64.b64encode(gzip.compress(json.dumps(self.nodes).encode())).decode()
        status = {"compressedNodes": packed} if compressed else {"nodes": self.nodes}
        bucket = {"artifactRepository": {"s3": {"bucket": "mlpipeline"}}}
        return json.dumps(
            {
                "metadata": {"name": NAME, "namespace": "kubeflow"},
                "status": {"phase": phase, "artifactRepositoryRef": bucket, **status},
            }
        )

    def _node(self, place: str, kind: str, template: str, phase: str, **more: Any) -> dict[str, Any]:
        self._seconds += 1
        name = f"{NAME}.{place}"
        one = {
            "id": f"{NAME}-{fnv1a(name)}",
            "name": name,
            "type": kind,
            "templateName": template,
            "phase": phase,
            "startedAt": _text(self._seconds),
            "finishedAt": _text(self._seconds + 5) if phase not in ("Pending", "Running") else None,
            "hostNodeName": "node1" if kind == "Pod" and phase != "Pending" else "",
            **more,
        }
        self.nodes[one["id"]] = one
        return one


def digits(candidates: int, *, deployed: bool) -> Made:
    """Returns a run that has ended, with tasks for each candidate as older pipelines had."""
    made = Made()
    for name in ("data-prep", "tune", "train"):
        made.task(name)
    for number in range(candidates):
        item = f"for-loop-2(0).iteration-iterations({number}:{number})(0).iteration-item(0)"
        for name in ("quantize", "evaluate"):
            made.task(name, inside=item)
    made.task("select")
    if deployed:
        made.task("deploy", inside="condition-3(0)")
    made.task("report")
    return made


def _text(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
