"""What `kfp.local` does not publish, and a run on this machine needs all the same.

All of it is here, and `tests/cli/test_kfp_local.py` holds it against the installed KFP.
"""

from __future__ import annotations

import builtins
import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

_INPUT, _FUNCTION = "--executor_input", "--function_to_execute"
CONTAINER_MODE = "_KFP_RUNTIME"
"""The variable by which `import kfp` leaves its client out."""


@dataclass(frozen=True)
class Command:
    """What a task runs: a shell that writes the component's code to a file, and KFP's executor on it.

    Attributes:
        parts: As KFP gives it.
    """

    parts: list[str]

    @property
    def stage(self) -> str:
        """Returns the name of the component's function, which is the stage's."""
        return self.parts[self.parts.index(_FUNCTION) + 1]

    def execute(self) -> None:
        """Does in this process what the shell command does in a new one.

        Raises:
            SystemExit: If the task fails.
        """
        from kfp.dsl.executor_main import executor_main

        arguments = self.parts.index(_INPUT)
        with tempfile.TemporaryDirectory() as temporary:
            component = Path(temporary, "ephemeral_component.py")
            component.write_text(self.parts[arguments - 1], encoding="utf-8")
            sys.argv = [str(component), "--component_module_path", str(component), *self.parts[arguments:]]
            executor_main()


def run(pipeline: Any, arguments: dict[str, Any], runner: Any, *, run_id: str, root: Path) -> str | None:
    """Runs a pipeline's tasks, and returns what it says of a task that failed, or None.

    Args:
        pipeline: The pipeline.
        arguments: Its arguments.
        runner: One of KFP's local runners.
        run_id: What its tasks are told as the run's id.
        root: Where the tasks' outputs go.
    """
    from kfp import local

    local.init(runner, pipeline_root=str(root), raise_on_error=True)
    try:
        with mock.patch("kfp.local.placeholder_utils.make_random_id", return_value=run_id):
            pipeline(**arguments)
    except RuntimeError as error:
        return str(error)
    return None


def task_order(pipeline: Any) -> list[str]:
    """Returns the names of a pipeline's stages in the order they run."""
    from kfp.local import graph_utils

    spec = pipeline.pipeline_spec

    def visit(tasks: Any) -> Iterator[str]:
        for name in reversed(graph_utils.topological_sort_tasks(tasks)):
            component = spec.components[tasks[name].component_ref.name]
            if component.WhichOneof("implementation") == "dag":
                yield from visit(component.dag.tasks)
            else:
                yield name.replace("-", "_")

    return list(visit(spec.root.dag.tasks))


@contextlib.contextmanager
def processes(start: Callable[[Callable[..., int], list[str], dict[str, str] | None], int]) -> Iterator[Any]:
    """Yields KFP's runner of processes.

    Args:
        start: Runs a task and returns its exit code; it gets KFP's own function for it, the command and the
            environment's additions.
    """
    from kfp import local
    from kfp.local import subprocess_task_handler

    afresh = subprocess_task_handler.run_local_subprocess

    def run_task(full_command: list[str], env_vars: dict[str, str] | None = None) -> int:
        return start(afresh, full_command, env_vars)

    with mock.patch.object(subprocess_task_handler, "run_local_subprocess", run_task):
        yield local.SubprocessRunner(use_venv=False)


@contextlib.contextmanager
def containers(start: Callable[..., int]) -> Iterator[Any]:
    """Yields KFP's runner of containers.

    Args:
        start: Runs a task and returns its exit code; it gets the Docker client, the image, the command, the
            volumes and the environment.
    """
    from kfp import local

    with mock.patch("kfp.local.docker_task_handler.run_docker_container", start):
        yield local.DockerRunner()


@contextlib.contextmanager
def at_once(count: int) -> Iterator[None]:
    """Lets so many tasks of a loop run at once; by itself KFP takes two, whatever the machine has."""
    from kfp.local.orchestrator.enhanced_dag_orchestrator import ParallelExecutor

    def init(executor: Any, max_workers: int | None = None) -> None:  # noqa: ARG001 - KFP's signature
        executor.conservative_max = executor.max_workers = count

    with mock.patch.object(ParallelExecutor, "__init__", init):
        yield


@contextlib.contextmanager
def interpreter(name: str) -> Iterator[None]:
    """Lets tasks start by an interpreter's name: its path may have spaces, and KFP does not quote it."""
    with mock.patch.object(sys, "executable", name):
        yield


@contextlib.contextmanager
def logging_restored() -> Iterator[None]:
    """Takes back what KFP does to the root logger and to `print`; its way back is not made for threads."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with mock.patch.object(builtins, "print", print):
        try:
            yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
