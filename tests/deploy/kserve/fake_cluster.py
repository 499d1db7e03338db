"""A cluster with KServe in it, as far as its API goes: InferenceServices, and pods that answer.

What is created or updated is validated as a CustomResourceDefinition has it, where there is one. A service
is ready some looks after it was changed; its pods answer by the repository that their arguments name.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from trimtab.deploy.golden import Golden
from trimtab.deploy.repository import Repository

PATH = re.compile(r"/apis/serving\.kserve\.io/v1beta1/namespaces/([^/]+)/inferenceservices(?:/([^/]+))?")
PODS = re.compile(r"/(pods|canary)/([^/]+)/v2/models/([^/]+)/infer")


class Cluster:
    """What is in it.

    Attributes:
        looks: How often one has to look until a change is ready.
        wrong: Versions whose pods answer something else.
        broken: Names of services that never get ready.
        denied: Methods that the role does not allow.
        token: What pods want to be shown; empty: nothing.
        conflicts: How many of the next updates somebody else is faster than.
        seen: Every request that changes something, and every version that answered, in order.
    """

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {}
        self.looks, self.conflicts = 1, 0
        self.wrong: set[int] = set()
        self.broken: set[str] = set()
        self.denied: set[str] = set()
        self.token = ""
        self.seen: list[str] = []
        self.validate = lambda service: None
        self._left: dict[str, int] = {}
        self._before: dict[str, list[str]] = {}

    def args(self, name: str) -> list[str]:
        (container,) = self.services[name]["spec"]["predictor"]["containers"]
        return container["args"]

    def answer(self, method: str, name: str | None, body: Any) -> tuple[int, Any]:
        if method in self.denied:
            return 403, {"message": "forbidden"}
        if method == "POST":
            return self._create(body)
        assert name is not None
        if name not in self.services:
            return 404, {"message": "not found"}
        if method == "PUT":
            return self._replace(name, body)
        if method == "DELETE":
            self.seen.append(f"delete {name}")
            return 200, self.services.pop(name)
        return 200, self._looked_at(name)

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        name = body["metadata"]["name"]
        if name in self.services:
            return 409, {"message": "already exists"}
        self.validate(body)
        self.seen.append(f"create {name}")
        made = copy.deepcopy(body)
        made["metadata"] |= {"generation": 1, "resourceVersion": "1", "uid": "u", "namespace": "models"}
        self.services[name], self._left[name] = made, self.looks
        return 201, made

    def _replace(self, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        known = self.services[name]
        if self.conflicts:
            self.conflicts -= 1
            known["metadata"]["resourceVersion"] += "1"
        if body["metadata"].get("resourceVersion") != known["metadata"]["resourceVersion"]:
            return 409, {"message": "the object has been modified"}
        self.validate({key: value for key, value in body.items() if key != "status"})
        share = body["spec"]["predictor"].get("canaryTrafficPercent")
        self.seen.append(f"update {name}" + (f" {share} %" if share else ""))
        self._before[name] = self.args(name)
        made = copy.deepcopy(body)
        made["metadata"]["generation"] = known["metadata"]["generation"] + 1
        made["metadata"]["resourceVersion"] = known["metadata"]["resourceVersion"] + "0"
        made["status"] = known.get("status", {})
        self.services[name], self._left[name] = made, self.looks
        return 200, made

    def _looked_at(self, name: str) -> dict[str, Any]:
        service = self.services[name]
        if self._left[name] > 0:
            self._left[name] -= 1
            return service
        is_ready = name not in self.broken
        host = f"http://127.0.0.1:{self.port}"
        service["status"] = {
            "observedGeneration": service["metadata"]["generation"],
            "url": f"{host}/nowhere",
            "address": {"url": f"{host}/pods/{name}"},
            "conditions": [
                {"type": "Ready", "status": "True"}
                if is_ready
                else {"type": "Ready", "status": "False", "reason": "ImagePullBackOff", "message": "no image"}
            ],
            "components": {
                "predictor": {
                    "traffic": [
                        {"latestRevision": True, "percent": 10, "url": f"{host}/canary/{name}"},
                        {"revisionName": "old", "percent": 90, "url": f"{host}/old/{name}"},
                    ]
                }
            },
        }
        return service

    def infer(self, where: str, name: str, model: str, request: dict[str, Any]) -> tuple[int, Any]:
        """Answers as a pod does: of the newest revision, or of the one that has most requests."""
        predictor = self.services[name]["spec"]["predictor"]
        is_shared = where == "pods" and "canaryTrafficPercent" in predictor
        args = self._before[name] if is_shared else self.args(name)
        if f"--name={model}" not in args:
            return 404, {"error": "no such model"}
        repository = Repository(args[-1])
        pinned = [int(arg.partition("=")[2]) for arg in args if arg.startswith("--version=")]
        champion = repository.champion()
        if not pinned and champion is None:
            return 503, {"error": "no model in service"}
        version = pinned[0] if pinned else champion.version
        self.seen.append(f"{where} {name} answers as {version}")
        with repository.fetched(version) as found:
            golden = Golden.load(found.path / "golden.npz")
        y = golden.y["output"] + (1.0 if version in self.wrong else 0.0)
        (tensor,) = request["inputs"]
        assert tensor["shape"][0] == len(y)
        assert np.asarray(tensor["data"]).size == np.prod(tensor["shape"])
        output = {"name": "output", "datatype": "FP32", "shape": list(y.shape), "data": y.ravel().tolist()}
        return 200, {"model_name": model, "model_version": str(version), "outputs": [output]}


@contextmanager
def served(kubeconfig: Path) -> Iterator[Cluster]:
    """Yields a cluster that a kubeconfig names, which is written."""
    cluster, lock = Cluster(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            content = json.loads(body) if body else None
            with lock:
                status, answer = self._answered(content)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _answered(self, content: Any) -> tuple[int, Any]:
            if pods := PODS.fullmatch(self.path):
                if cluster.token and self.headers.get("Authorization") != f"Bearer {cluster.token}":
                    return 401, {"error": "a token is needed"}
                return cluster.infer(*pods.groups(), content)
            found = PATH.fullmatch(self.path)
            if found is None or found[1] != "models":
                return 404, {"message": f"no {self.path}"}
            return cluster.answer(self.command, found[2], content)

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        cluster.port = server.server_port
        named = {"server": f"http://127.0.0.1:{server.server_port}"}
        context = {"cluster": "c", "user": "u", "namespace": "models"}
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": named}],
                    "users": [{"name": "u", "user": {}}],
                    "contexts": [{"name": "x", "context": context}],
                    "current-context": "x",
                }
            )
        )
        yield cluster
        server.shutdown()
