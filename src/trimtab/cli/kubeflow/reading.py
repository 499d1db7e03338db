"""One reading of a run, by which every command judges it: what its stages do, whether it ended, and how.

A run's state comes from API v2beta1. Its tasks come from the Argo workflow (``argo``), which has all of them,
and tells why a pod cannot start; where a server does not hand it out, from the list of v2beta1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from trimtab.cli.kubeflow import argo, runs, waiting
from trimtab.cli.kubeflow.argo import Node, Workflow
from trimtab.cli.kubeflow.connection import Connection
from trimtab.cli.kubeflow.runs import Task
from trimtab.cli.kubeflow.waiting import advice, short
from trimtab.config.stages import STAGES
from trimtab.errors import ClusterError, LoginError

# The last words of the templates that KFP compiles for a component: its driver, the task, and the task's pod.
_DRIVER, _TASK = "system-container-driver", "system-container-executor"
_POD = "executor"
_NEVER_STARTED = "its pod never started"
_ORDER = {stage: number for number, stage in enumerate(STAGES)}
_PHASES = {
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Succeeded": "SUCCEEDED",
    "Skipped": "SKIPPED",
    "Omitted": "OMITTED",
    "Failed": "FAILED",
    "Error": "FAILED",
}

# A component's path, its node, and its driver's.
_Component = tuple[tuple[str, ...], Node | None, Node | None]


@dataclass(frozen=True)
class Reading:
    """What is known of a run.

    Attributes:
        run: The run, as API v2beta1 describes it.
        tasks: Its stages' tasks, in the order they were started.
        is_whole: Whether these are all there were so far.
        workflow: The name of its Argo workflow; empty: not known.
        namespace: Where the workflow is.
        stopped: When someone stopped it, through the API or its UI; None: nobody did.
        gone: Why it will never end, though the server lists it as running; empty: it goes on, or has ended.
    """

    run: Any
    tasks: Sequence[Task]
    is_whole: bool
    workflow: str
    namespace: str
    stopped: datetime | None
    gone: str

    @property
    def has_ended(self) -> bool:
        """Returns whether nothing more will happen."""
        return bool(self.gone) or self.run.state in runs.ENDED

    @property
    def state(self) -> str:
        """Returns the run's state, in which a stopped run is CANCELED, and one without its workflow GONE."""
        if self.gone:
            return "GONE"
        was_stopped = self.stopped is not None and self.run.state in ("FAILED", "CANCELED")
        return "CANCELED" if was_stopped else str(self.run.state or "PENDING")

    @property
    def word(self) -> str:
        """Returns the run's state in words."""
        return {"CANCELED": "stopped", "GONE": "gone"}.get(self.state, self.state.lower())


def read(connection: Connection, run: Any) -> Reading:
    """Returns what is known of a run.

    Args:
        connection: The server.
        run: The run, as API v2beta1 describes it.

    Raises:
        ClusterError: If the server fails.
    """
    try:
        manifest = connection.workflow(run.run_id)
        workflow = argo.parse(manifest) if manifest else None
    except LoginError:
        raise
    except ClusterError:
        workflow = None  # then the list of v2beta1 is the best there is
    return judge(run, workflow, gone=_gone(connection, run))


def judge(run: Any, workflow: Workflow | None, *, gone: str = "") -> Reading:
    """Returns what a run's description and its workflow say together.

    Args:
        run: The run, as API v2beta1 describes it.
        workflow: Its workflow; None: the server does not hand it out.
        gone: Why the workflow is not there any more; empty: it is, as far as is known.
    """
    stopped = _stopped(run)
    has_all = workflow is not None and bool(workflow.nodes)
    stage_tasks = tasks(workflow) if workflow and has_all else runs.tasks(run)
    if stopped:
        stage_tasks = [_stopped_with(task, stopped) for task in stage_tasks]
    if gone or run.state in runs.ENDED:
        stage_tasks = [_at_the_end(task) for task in stage_tasks]
    return Reading(
        run=run,
        tasks=stage_tasks,
        is_whole=has_all or not (runs.is_frozen(run) or (workflow is not None and workflow.offloaded)),
        workflow=workflow.name if workflow else "",
        namespace=workflow.namespace if workflow else "",
        stopped=stopped,
        gone=gone,
    )


def tasks(workflow: Workflow) -> list[Task]:
    """Returns the tasks of a workflow's components, in the order they were started.

    They are known by the templates that KFP compiles, whatever they are called: the pipeline may be older.
    """
    stage_tasks: list[Task] = []
    for path, task_node, driver in sorted(_components(workflow), key=_start):
        stage = path[-1].replace("-", "_")
        task = _task(workflow, path, stage, task_node, driver)
        stage_tasks.append(replace(task, label=runs.numbered(stage, stage_tasks)))
    return stage_tasks


def _components(workflow: Workflow) -> Iterable[_Component]:
    """Yields each component's path, its node, and its driver's."""
    task_nodes = _newest(node for node in workflow.nodes if node.template.endswith(_TASK))
    driver_nodes = _newest(node for node in workflow.nodes if node.template.endswith(_DRIVER))
    drivers = {
        (*path[:-1], path[-1].removesuffix("-driver")): driver for path, driver in driver_nodes.items()
    }
    for path in {**drivers, **task_nodes}:
        yield path, task_nodes.get(path), drivers.get(path)


def _newest(nodes: Iterable[Node]) -> dict[tuple[str, ...], Node]:
    """Returns the nodes by path: of attempts, what tries them, in the last attempt of the DAGs above."""
    newest: dict[tuple[str, ...], Node] = {}
    for node in nodes:
        other = newest.get(node.path)
        if other is None or _rank(node) > _rank(other):
            newest[node.path] = node
    return newest


def _rank(node: Node) -> tuple[tuple[int, ...], bool, int]:
    *above, attempt = node.attempts
    return tuple(above), attempt < 0, attempt


def _start(component: _Component) -> tuple[bool, str, int, tuple[str, ...]]:
    path, task_node, driver = component
    begun = [
        node.started for node in (task_node, driver) if node and node.started and node.phase != "Omitted"
    ]
    order = _ORDER.get(path[-1].replace("-", "_"), 0)
    return not begun, str(min(begun, default="")), order, path


def _task(
    workflow: Workflow, path: tuple[str, ...], stage: str, task_node: Node | None, driver: Node | None
) -> Task:
    pods = [node for node in workflow.nodes if node.kind == "Pod" and node.path == (*path, _POD)]
    pods.sort(key=lambda node: node.attempts, reverse=True)
    if driver and driver.phase in ("Failed", "Error"):  # the task itself never began
        task_node = driver
        pods = [node for node in workflow.nodes if node.kind == "Pod" and node.path == driver.path]
    last = pods[0] if pods else None
    state = _PHASES.get(task_node.phase, "UNKNOWN") if task_node else "PENDING"
    if state == "RUNNING" and (last is None or last.phase == "Pending"):
        state = "PENDING"
    if state == "SUCCEEDED" and _is_cached(workflow, path):
        state = "CACHED"
    to_start = last if last else driver
    waits = ""
    if state == "PENDING" and to_start and to_start.kind == "Pod" and to_start.phase == "Pending":
        waits = waiting.reason(to_start, to_start.pod(workflow.name), workflow.namespace, stage)
    return Task(
        stage=stage,
        label=stage,
        state=state,
        started=task_node.started if task_node and state != "OMITTED" else None,
        ended=task_node.ended if task_node and state != "OMITTED" else None,
        error=_error(last or task_node, stage) if state == "FAILED" else "",
        pods=tuple(node.pod(workflow.name) for node in pods),
        waits=waits,
        pod=last.pod(workflow.name) if last else "",
        archived=_archive(workflow, last) if last else "",
        earlier=tuple(short(node.message) for node in pods[1:] if node.phase in ("Failed", "Error")),
    )


def _is_cached(workflow: Workflow, path: tuple[str, ...]) -> bool:
    """Returns whether KFP's cache answered for a task: its pod has a condition, which did not hold."""
    return any(node.kind == "Skipped" and node.path == (*path, _POD) for node in workflow.nodes)


def _error(node: Node | None, stage: str) -> str:
    if node is None:
        return ""
    never_ran = node.kind == "Pod" and not node.host and node.exit_code is None
    said, what = short(node.message), advice(node.message, stage)
    told = f"{said.rstrip('.')}. {what}" if what else said
    return f"{_NEVER_STARTED}: {told}" if never_ran else told


def _archive(workflow: Workflow, node: Node) -> str:
    places = [f"s3://{workflow.bucket}/{node.archived}"] if workflow.bucket and node.archived else []
    if node.executor_logs:
        places.append(f"{node.executor_logs}*")
    return " or ".join(places)


def _at_the_end(task: Task) -> Task:
    """Returns a task as it is when nothing more will happen."""
    if task.state == "PENDING" and not task.earlier:
        return replace(task, state="OMITTED", waits="", started=None)
    if task.state in ("PENDING", "RUNNING"):
        return replace(task, state="UNKNOWN", waits="")
    return task


def _stopped_with(task: Task, stopped: datetime) -> Task:
    """Returns a task that did not fail by itself, but was ended when the run was stopped."""
    ended_then = task.state == "FAILED" and task.ended and task.ended >= stopped
    said = _NEVER_STARTED if task.error.startswith(_NEVER_STARTED) else ""
    return replace(task, state="CANCELED", error=said) if ended_then else task


def _stopped(run: Any) -> datetime | None:
    history = getattr(run, "state_history", None) or []
    return next((change.update_time for change in history if change.state == "CANCELING"), None)


def _gone(connection: Connection, run: Any) -> str:
    """Returns why the workflow of a run that is listed as active is not there any more.

    A schedule owns the workflows of its runs: Kubernetes removes them with it, and the server is not told.
    """
    if run.state in runs.ENDED or not run.recurring_run_id:
        return ""
    try:
        connection.client.get_recurring_run(run.recurring_run_id)
    except ClusterError as error:
        if not error.is_missing:
            raise
        return "its schedule was deleted while it ran, and Kubernetes removed its workflow with it"
    return ""
