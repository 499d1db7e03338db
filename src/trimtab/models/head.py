"""The last layer of every built-in architecture, or the last layers."""

from __future__ import annotations

from typing import Any

from trimtab.models.spec import ModelSpec
from trimtab.tasks.registry import task

OUTPUT_NAME = "predictions"


def output(x: Any, spec: ModelSpec) -> Any:
    """Returns the output that the task needs, in float32 whatever the dtype policy is.

    Args:
        x: Features, ``(batch, features)``.
        spec: The task and the number of outputs.

    Returns:
        ``(batch, outputs)``; of several outputs, a list of these.
    """
    if len(spec.answers) == 1:
        return task(spec.task).learning.output(x, spec.outputs, OUTPUT_NAME)
    return [task(each.task).learning.output(x, each.outputs, name) for name, each in spec.answers.items()]
