"""The task of a dataset's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.tasks.joint import Joint
from trimtab.tasks.registry import task

if TYPE_CHECKING:
    from trimtab.tasks.base import Target, Task


def meant(target: Target) -> Task:
    """Returns the task of what labels mean: where a row has several labels, a composition of theirs."""
    if target.parts:
        return Joint(target)
    return task(target.task)
