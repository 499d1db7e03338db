"""Candidates of a run that ended before ``select``: as much as their own stages found out about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from trimtab.artifacts.evaluation import Evaluation
from trimtab.artifacts.selection import CandidateResult
from trimtab.config.config import Config
from trimtab.report.records.record import Record, in_order


def read_config(config: dict[str, Any]) -> Config | None:
    """Returns the config as an object, or None when it is not valid: then the run failed because of it."""
    try:
        return Config.model_validate(config)
    except ValidationError:
        return None


def partial_candidates(records: Sequence[Record], config: dict[str, Any]) -> list[CandidateResult]:
    """Returns the candidates that were quantized or evaluated, without drop, latency or verdict."""
    recipes = _recipes(config)
    found: dict[str, CandidateResult] = {}
    for record in in_order(records):
        if record.stage in ("quantize", "evaluate") and record.item:
            found[record.item] = _candidate(record, recipes.get(record.item, []))
    return list(found.values())


def _recipes(config: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    known = read_config(config)
    return {name: candidate.to_json() for name, candidate in known.candidates().items()} if known else {}


def _candidate(record: Record, recipe: list[dict[str, Any]]) -> CandidateResult:
    known = {name: record.summary[name] for name in Evaluation.model_fields if name in record.summary}
    reason = str(record.summary.get("reason") or "") or (
        record.error.partition("\n")[0] if not record.ok else ""
    )
    result = CandidateResult(
        id=record.item,
        recipe=recipe,
        ok=record.ok and bool(record.summary.get("ok", True)),
        reasons=[reason or "the run ended before it was judged"],
    )
    if record.stage != "evaluate":
        return result
    try:
        evaluation = Evaluation.model_validate({"candidate": record.item, "ok": record.ok, **known})
    except ValidationError:
        return result
    if not evaluation.ok:
        return result
    return result.model_copy(
        update={
            "metrics": evaluation.metrics,
            "per_class": evaluation.per_class,
            "confusion": evaluation.confusion,
            "size_bytes": evaluation.size_bytes or None,
            "gzip_bytes": evaluation.gzip_bytes or None,
            **(evaluation.cost.model_dump() if evaluation.cost else {}),
        }
    )
