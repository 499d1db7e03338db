"""What the records of a retraining say beyond those of any run."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.model import TrainSummary
from trimtab.artifacts.plan import PlanSummary
from trimtab.artifacts.record import StageRecord
from trimtab.artifacts.retraining import Retraining
from trimtab.report.records.record import summary


def read_retraining(records: Sequence[StageRecord]) -> Retraining:
    """Returns what new data did, as far as the stages came; a record that cannot be read counts as none."""
    checked = summary(records, "check_data", Retraining) or Retraining(needed=True, reasons=[])
    planned, trained = summary(records, "plan", PlanSummary), summary(records, "train", TrainSummary)
    prepared = summary(records, "data_prep", DatasetSummary)
    return checked.model_copy(
        update={
            "champion": planned.version if planned else checked.champion,
            "schema_changes": prepared.schema_changes if prepared else [],
            "drift": prepared.drift if prepared else None,
            "start": (trained.start or None) if trained else None,
            "start_reason": trained.start_reason if trained else "",
            "comparison": summary(records, "compare", Comparison),
        }
    )
