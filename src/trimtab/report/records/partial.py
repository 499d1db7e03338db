"""Candidates of a run that ended before ``select``: as much as their own stages found out about them."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.artifacts.evaluation import Evaluation
from trimtab.artifacts.record import EntryRecord, StageRecord
from trimtab.artifacts.selection import CandidateResult
from trimtab.config.config import Config
from trimtab.report.records.record import in_order

_STAGES = ("quantize", "evaluate")


def partial_candidates(records: Sequence[StageRecord], config: Config | None) -> list[CandidateResult]:
    """Returns the candidates that were quantized or evaluated, without drop, latency or verdict."""
    candidates: dict[str, CandidateResult] = {}
    for record in in_order(records):
        for entry in record.entries if record.stage in _STAGES else ():
            if entry.is_of_a_fold:
                continue
            candidates[entry.name] = _candidate(record, entry, config)
    return list(candidates.values())


def _candidate(record: StageRecord, entry: EntryRecord, config: Config | None) -> CandidateResult:
    known = config.candidates().get(entry.name) if config else None
    recipe = known.to_json() if known else []
    reason = entry.reason or "the run ended before it was judged"
    candidate = CandidateResult(id=entry.name, recipe=recipe, ok=entry.ok, reasons=[reason])
    evaluation = entry.read(Evaluation) if record.stage == "evaluate" else None
    if evaluation is None:
        return candidate
    return candidate.model_copy(
        update={
            "runtime": evaluation.runtime,
            "metrics": evaluation.metrics,
            "per_class": evaluation.per_class,
            "outputs": evaluation.outputs,
            "confusion": evaluation.confusion,
            "size_bytes": evaluation.size_bytes,
            "gzip_bytes": evaluation.gzip_bytes,
            **evaluation.cost.model_dump(),
        }
    )
