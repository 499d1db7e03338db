"""The records of a run, as the report looks into them: in the stages' order, by stage and shard."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.artifacts.record import StageRecord, Summary
from trimtab.config import stages

STAGES = tuple(name for name in stages.STAGES if name != "report")
"""The stages that leave a record, in the order they run."""

RETRAINING = frozenset(name for name, stage in stages.STAGES.items() if stage.pipelines == {"retrain"})
"""The stages that only a retraining has."""


def find(records: Sequence[StageRecord], stage: str, shard: str = "") -> StageRecord | None:
    """Returns the record of a task, or None when it left none."""
    return next((record for record in records if (record.stage, record.shard) == (stage, shard)), None)


def summary(records: Sequence[StageRecord], stage: str, kind: type[Summary]) -> Summary | None:
    """Returns what a stage found, or None when it failed, never ran, or left what cannot be read."""
    record = find(records, stage)
    return record.read(kind) if record else None


def shards(records: Sequence[StageRecord]) -> list[str]:
    """Returns the shards of the run, as far as any record tells how many there are."""
    count = next((record.shard.partition("/")[2] for record in records if record.shard), "")
    return [f"{number}/{count}" for number in range(1, int(count) + 1)] if count.isdecimal() else [""]


def in_order(records: Sequence[StageRecord]) -> list[StageRecord]:
    """Returns the records in the order in which the stages run; unknown stages come last."""
    rank = {stage: index for index, stage in enumerate(STAGES)}
    return sorted(records, key=lambda record: (rank.get(record.stage, len(rank)), record.stage, record.shard))
