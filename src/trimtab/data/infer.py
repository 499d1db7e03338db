"""What the columns mean: kinds, label, task and classes, from merged statistics and the config's overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.config.data import Data, Task
    from trimtab.data.schema import Column
    from trimtab.data.statistics import Summary


def label_column(names: Sequence[str], config: Data) -> str:
    """Returns the label's column: ``config.label``, else the one named ``label``, ``target``, ``class`` or ``y``."""
    raise NotImplementedError


def infer_schema(summary: Summary, config: Data) -> tuple[Task, str, list[str], list[Column]]:
    """Returns the task, the label's column, the sorted classes (none for regression) and the input columns."""
    raise NotImplementedError
