"""Whether a run ended because a pod was killed, so that it may be started again."""

from __future__ import annotations

import re

from trimtab.artifacts.record import StageRecord
from trimtab.cli.kubeflow import outcome
from trimtab.cli.kubeflow.reading import Reading
from trimtab.errors import Preempted

# As Kubernetes and Argo say it of a container that got SIGKILL or SIGTERM, or whose node has gone. KFP's
# launcher ends with 1 where the process below it was killed: then the stage's record tells, as it has no end.
_KILLED = re.compile(
    rf"exit code (137|143|{Preempted.exit_code})\b|OOMKilled|pod deleted|[Ee]vict|[Pp]reempt"
    r"|node (is|was) |[Nn]ode\s?\S*(Lost|[Ss]hutdown)"
)


def killed(reading: Reading) -> list[str]:
    """Returns the tasks that were killed; none where another one failed by itself, or the run was stopped.

    Args:
        reading: A run that has ended.
    """
    failed = [task for task in reading.tasks if task.state == "FAILED"]
    records = outcome.records(reading.run)
    if reading.state != "FAILED" or not failed:
        return []
    verdicts = {
        task.label: _was_killed([record for record in records if record.stage == task.stage], task.error)
        for task in failed
    }
    return list(verdicts) if all(verdicts.values()) else []


def _was_killed(records: list[StageRecord], said: str) -> bool:
    """Returns whether a task was killed, as its stage's records have it, else as the cluster says it."""
    if any(record.ended and not record.ok and record.exit_code != Preempted.exit_code for record in records):
        return False
    if "Unschedulable" in said:  # in which the scheduler says that preempting others is no help
        return False
    cut_off = any(not record.ended or record.exit_code == Preempted.exit_code for record in records)
    return cut_off or bool(_KILLED.search(said))
