"""Records of a retraining: a champion, its challenger, and drift."""

from __future__ import annotations

from typing import Any

from report.made.runs import make_records

from trimtab.artifacts.record import StageRecord
from trimtab.config.config import Config


def make_retraining(
    *, finding: str = "better", promote: bool = True, forced: bool = False, regression: bool = False
) -> tuple[Config, list[StageRecord]]:
    """Returns the resolved config and the records of a retraining of champion 3 that went well."""
    settings, found = make_records(prunes=0, regression=regression)
    who = {"by": "ada@lab", "reason": "the label was wrong"} if forced else None
    none: dict[str, Any] = {"count": 0, "first": []}
    changes = {
        "added": {"count": 1, "first": ["train/february.csv"]},
        "removed": none,
        "changed": none,
        "rows_before": {"train": 1293},
        "rows_after": {"train": 1500},
    }
    checked = {
        "needed": True,
        "reasons": ["there is new data: 1 file new: train/february.csv"],
        "changes": changes,
        "champion": 3,
        "forced": who,
    }
    planned = {
        "version": 3,
        "usable": True,
        "warm": True,
        "reasons": [],
        "candidates": list(settings.candidates()),
    }
    latency = {"p50": 0.1, "p95": 0.2, "p99": 0.3, "threads": 1}
    before, after = ({"mae": 41.0}, {"mae": 40.0}) if regression else ({"accuracy": 0.95}, {"accuracy": 0.97})
    drop = {"confidence": 0.95, "examples": 360}
    judged = {
        "promote": promote or forced,
        "finding": finding,
        "why": f"{finding} than v3, 95 % sure",
        "version": 3,
        "champion": {"metrics": before, "size_bytes": 30_000, "latency_ms": latency},
        "challenger": {"metrics": after, "size_bytes": 29_000, "latency_ms": latency},
        "loss": {"observed": -0.02, "upper_bound": -0.004, **drop},
        "gain": {"observed": 0.02, "upper_bound": 0.036, **drop},
        "tolerated": 0.02,
        "forced": who,
    }
    for record in found:
        if record.stage == "train":
            record.summary |= {"start": "champion v3", "start_reason": "the data is of the same kind"}
        if record.stage == "data_prep":
            record.summary |= {"schema_changes": ["the class d is new in label"], "drift": None}
    whole = [
        StageRecord(stage="check_data", ok=True, seconds=0.2, summary=checked),
        StageRecord(stage="plan", ok=True, seconds=0.1, summary=planned),
        *(record for record in found if record.stage not in ("compare", "deploy")),
        StageRecord(stage="compare", ok=True, seconds=0.7, summary=judged),
    ]
    if promote or forced:
        deployed = {"uri": "/runs/deployed/digits/4", "version": 4}
        whole.append(StageRecord(stage="deploy", ok=True, seconds=1.2, summary=deployed))
    return settings, whole
