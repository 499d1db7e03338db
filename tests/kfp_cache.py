"""Kubeflow's cache, as its backend has it, around the tasks of a run on this machine.

The backend's key (`backend/src/v2/cacheutils/cache.go`) is a digest of the image, the command and arguments
of the container, the values of the input parameters, the names of the input artifacts, and the names and
types of the outputs; it is looked up within one pipeline. Environment variables are no part of it. A task
whose options allow it, and whose key one has that ended well, gets the outputs of that one, and no pod.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from trimtab.cli.kfp_local import Command
from trimtab.cli.processes import processes


class Cache:
    """What tasks have answered so far.

    Attributes:
        cached: The stages whose options allow it, as the compiled pipeline has them.
        hits: The tasks of the last run that were skipped.
    """

    def __init__(self, compiled: dict[str, Any]) -> None:
        self.cached = frozenset(_cached(compiled))
        self.hits: list[str] = []
        self._known: dict[str, bytes] = {}
        self._pipeline = ""

    @contextlib.contextmanager
    def runner(self, *given: Any) -> Iterator[Any]:
        """Yields KFP's runner of processes, whose tasks may be skipped; it is a `Runner` of `cli.local`."""
        self.hits, self._pipeline = [], given[0].name
        with processes(*given) as runner:
            from kfp.local import subprocess_task_handler

            work = subprocess_task_handler.run_local_subprocess

            def run(full_command: list[str], env_vars: dict[str, str] | None = None) -> int:
                return self._run(work, full_command, env_vars)

            with _patched(run):
                yield runner

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Forgets what was answered in the block."""
        known = dict(self._known)
        try:
            yield
        finally:
            self._known = known

    def _run(self, work: Any, command: list[str], environment: dict[str, str] | None) -> int:
        stage = Command(command).stage
        if stage not in self.cached:
            return int(work(command, environment))
        given = json.loads(command[command.index("--executor_input") + 1])
        output = Path(given["outputs"]["outputFile"])
        values = given["inputs"].get("parameterValues", {})
        key = json.dumps(
            {
                "pipeline": self._pipeline,
                "code": [part for part in command if not part.startswith("{")],
                "values": values,
                "artifacts": sorted(given["inputs"].get("artifacts", {})),
                "outputs": sorted(given["outputs"].get("parameters", {})),
            },
            sort_keys=True,
        )
        if (known := self._known.get(key)) is not None:
            self.hits.append(f"{stage} {values.get('shard', '')}".strip())
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(known)
            return 0
        code = int(work(command, environment))
        if code == 0:
            self._known[key] = output.read_bytes()
        return code


def _patched(run: Any) -> Any:
    from kfp.local import subprocess_task_handler

    return mock.patch.object(subprocess_task_handler, "run_local_subprocess", run)


def _cached(compiled: dict[str, Any]) -> Iterator[str]:
    for component in (compiled["root"], *compiled["components"].values()):
        for task in component.get("dag", {}).get("tasks", {}).values():
            if task.get("cachingOptions", {}).get("enableCache"):
                yield task["taskInfo"]["name"].replace("-", "_")
