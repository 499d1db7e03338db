"""What a run warns of: one list, of what every task has said."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.artifacts.record import StageRecord
from trimtab.report.records.record import in_order


def warnings(records: Sequence[StageRecord]) -> list[str]:
    """Returns every warning once, in the order of the stages; those of the data first, and by themselves."""
    texts = [
        text if record.stage == "data_prep" else f"{record.stage}: {text}"
        for record in in_order(records)
        for text in record.warnings
    ]
    return list(dict.fromkeys(texts))
