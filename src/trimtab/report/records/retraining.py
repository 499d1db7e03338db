"""What the records of a retraining say beyond those of any run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.retraining import Retraining
from trimtab.data.champion.drift import DriftReport
from trimtab.report.records.record import Record, summary

_Model = TypeVar("_Model", bound=BaseModel)


def read_retraining(records: Sequence[Record]) -> Retraining:
    """Returns what new data did, as far as the stages came; a cut record counts as none."""
    try:
        found = Retraining.model_validate(summary(records, "check_data"))
    except ValidationError:
        found = Retraining(needed=True, reasons=[])
    planned, trained = summary(records, "plan"), summary(records, "train")
    prepared = summary(records, "data_prep")
    return found.model_copy(
        update={
            "champion": planned.get("version", found.champion),
            "schema_changes": list(prepared.get("schema_changes") or []),
            "drift": _known(DriftReport, prepared.get("drift")),
            "start": trained.get("start") or None,
            "start_reason": str(trained.get("start_reason") or ""),
            "comparison": _known(Comparison, summary(records, "compare")),
        }
    )


def planned_config(records: Sequence[Record], config: dict[str, Any]) -> dict[str, Any]:
    """Returns the config with the recipes that the retraining applied, which may be the champion's."""
    recipes = summary(records, "plan").get("recipes")
    return {**config, "recipes": recipes} if recipes else config


def _known(kind: type[_Model], found: Any) -> _Model | None:
    try:
        return kind.model_validate(found)
    except ValidationError:
        return None
