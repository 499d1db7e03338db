"""Whether the data can be trained on, and what people should know about it before they trust the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.config.data import Data, Task
    from trimtab.data.schema import Column
    from trimtab.data.statistics import Summary


def validate(
    per_split: dict[str, Summary],
    *,
    task: Task,
    label: str,
    classes: list[str],
    columns: list[Column],
    config: Data,
    duplicates: int = 0,
) -> list[str]:
    """Returns warnings, and stops the run on data that cannot be used.

    Args:
        per_split: Summaries of ``train``, ``validation`` and ``test``, or of ``train`` alone (all rows).
        task: As ``infer_schema`` found it.
        label: As ``infer_schema`` found it.
        classes: As ``infer_schema`` found them.
        columns: As ``infer_schema`` found them.
        config: The config's data section.
        duplicates: Rows of the given validation and test files that are also in the training file.
    """
    raise NotImplementedError
