"""What the report needs of a stage's record; ``trimtab.stages.stage.StageRecord`` is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from trimtab.config import stages

STAGES = tuple(name for name in stages.STAGES if name != "report")
"""The stages that leave a record, in the order they run."""

RETRAINING = frozenset(name for name, stage in stages.STAGES.items() if stage.pipelines == {"retrain"})
"""The stages that only a retraining has."""


class Record(Protocol):
    """How a stage ended; see ``trimtab.stages.stage.StageRecord``."""

    stage: str
    item: str
    ok: bool
    seconds: float
    summary: dict[str, Any]
    error_type: str
    error: str
    traceback: str
    exit_code: int


def find(records: Sequence[Record], stage: str, item: str = "") -> Record | None:
    """Returns the record of a stage, or None when it left none."""
    return next((record for record in records if (record.stage, record.item) == (stage, item)), None)


def summary(records: Sequence[Record], stage: str, item: str = "") -> dict[str, Any]:
    """Returns what a stage found; empty when it failed or never ran."""
    record = find(records, stage, item)
    return record.summary if record is not None and record.ok else {}


def label(record: Record) -> str:
    """Returns the stage's name and what it worked on, such as ``prune channels-0.5``."""
    return f"{record.stage} {record.item}".strip()


def in_order(records: Sequence[Record]) -> list[Record]:
    """Returns the records in the order in which the stages run; unknown stages come last."""
    rank = {stage: index for index, stage in enumerate(STAGES)}
    return sorted(records, key=lambda record: (rank.get(record.stage, len(rank)), record.stage, record.item))
