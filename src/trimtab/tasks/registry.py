"""The tasks by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from trimtab.registry import TASKS, module

if TYPE_CHECKING:
    from collections.abc import Collection

    from trimtab.config.data import Data
    from trimtab.tasks.base import LabelSummary, Task
    from trimtab.tasks.headline import Headline


def task(name: str) -> Task:
    """Returns a task.

    Raises:
        KeyError: If there is none of that name: a config and a schema are checked when they are read.
    """
    return cast("Task", module(TASKS, name).TASK)


def headline_among(metrics: Collection[str]) -> Headline | None:
    """Returns the first task's own metric that is among some, by their keys, or None."""
    headlines = (task(name).judging.headline for name in TASKS)
    return next((headline for headline in headlines if headline.metric in metrics), None)


def task_of_label(column: LabelSummary, config: Data) -> Task:
    """Returns the first task of the registry that takes a label for its own when the config names no task."""
    return next(each for each in map(task, TASKS) if each.meaning.is_likely(column, config))
