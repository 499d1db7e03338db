"""Builds ``result.json`` from whatever records a run left behind, whole or cut at any point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from trimtab.artifacts.retraining import Retraining
from trimtab.artifacts.selection import CandidateResult, Selection
from trimtab.config.chains import BASELINE
from trimtab.report.records.partial import partial_candidates, read_config
from trimtab.report.records.record import RETRAINING, STAGES, Record, find, in_order, label, summary
from trimtab.report.records.retraining import planned_config, read_retraining
from trimtab.report.result import DataSummary, Result, StageError, Status
from trimtab.report.words import verdict

NO_RECORD = "NoRecord"
BAD_RECORD = "DamagedRecord"
_KILLED = """it left no record: its process was killed before it could say why, or never started
  Look at the log of this task; a lack of memory is the usual cause. A stage that was cut off goes on \
from its checkpoint when it is started again."""


def build_result(
    records: Sequence[Record],
    config: dict[str, Any],
    run: str,
    problems: Sequence[StageError] = (),
    *,
    is_retraining: bool = False,
) -> Result:
    """Returns the outcome of a run.

    Args:
        records: What the stages left, in any order; a stage that was skipped, killed or
            never started left none.
        config: The resolved config; as much of it as could be read.
        run: The URI of the run's directory.
        problems: What went wrong outside of the records, such as a record that cannot be read.
        is_retraining: Whether the run is one of the `retrain` pipeline.

    Returns:
        The result. It is ``failed`` unless every stage that had to run has a record that says it went well.
    """
    selection, unreadable = _selection(records)
    retraining = read_retraining(records) if is_retraining else None
    config = planned_config(records, config) if is_retraining else config
    errors = [*problems, *_failures(records), *unreadable]
    errors = errors or list(_unfinished(records, config, _due(selection, retraining)))
    chosen = selection.chosen if selection else None
    base = run.rstrip("/")
    candidates = _candidates(selection) if selection else partial_candidates(records, config)
    result = Result(
        run_id=base.rpartition("/")[2],
        status="failed" if errors else _status(chosen, retraining),
        verdict="",
        why=selection.verdict if selection else "",
        config=config,
        data=_data(records),
        baseline=selection.baseline if selection else _baseline(candidates),
        candidates=candidates,
        chosen=chosen,
        retrain=retraining,
        deployed=summary(records, "deploy").get("uri"),
        report=f"{base}/report.html",
        tensorboard=f"{base}/tensorboard",
        seconds={label(record): record.seconds for record in in_order(records)},
        errors=errors,
    )
    return result.model_copy(update={"verdict": verdict.sentence(result)})


def _status(chosen: str | None, retraining: Retraining | None) -> Status:
    """Returns how a run ended in which nothing failed."""
    if retraining is not None and not retraining.needed:
        return "up_to_date"
    if chosen is None:
        return "over_budget"
    if retraining is not None and retraining.comparison and not retraining.comparison.promote:
        return "champion_kept"
    return "deployed"


def _selection(records: Sequence[Record]) -> tuple[Selection | None, list[StageError]]:
    found = summary(records, "select")
    if not found:
        return None, []
    known = {name: _finite(found[name]) for name in Selection.model_fields if name in found}
    try:
        return Selection.model_validate(known), []
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"its record cannot be read: {where}: {first['msg']}"
        return None, [StageError(stage="select", type=BAD_RECORD, message=message, exit_code=1)]


def _finite(value: Any) -> Any:
    """Returns a copy without the metrics that are not numbers: JSON has no NaN, and turns it to null."""
    if isinstance(value, dict):
        cleaned = {key: _finite(item) for key, item in value.items()}
        metrics = cleaned.get("metrics")
        if isinstance(metrics, dict):
            cleaned["metrics"] = {k: v for k, v in metrics.items() if v is not None and math.isfinite(v)}
        return cleaned
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _candidates(selection: Selection) -> list[CandidateResult]:
    """Returns every candidate once, the baseline first: it is a candidate too, and may be the one to ship."""
    rest = [c for c in selection.candidates if c.id != selection.baseline.id]
    same = next((c for c in selection.candidates if c.id == selection.baseline.id), selection.baseline)
    return [same, *rest]


def _baseline(candidates: Sequence[CandidateResult]) -> CandidateResult | None:
    return next((candidate for candidate in candidates if candidate.id == BASELINE), None)


def _data(records: Sequence[Record]) -> DataSummary | None:
    found = summary(records, "data_prep")
    try:
        known = {name: found[name] for name in DataSummary.model_fields if found.get(name) is not None}
        return DataSummary.model_validate({"classes": [], **known}) if known else None
    except ValidationError:
        return None


def _failures(records: Sequence[Record]) -> Iterator[StageError]:
    for record in in_order(records):
        if not record.ok:
            yield StageError(
                stage=label(record),
                type=record.error_type or "Error",
                message=record.error.rstrip() or "it ended without saying why",
                exit_code=record.exit_code or 1,
            )


def _due(selection: Selection | None, retraining: Retraining | None) -> tuple[str, ...]:
    """Returns the stages that had to run; once there is a selection, only those after it."""
    if retraining is None:
        if selection is None:
            return tuple(stage for stage in STAGES if stage not in RETRAINING)
        return ("deploy",) if selection.chosen else ()
    if not retraining.needed:
        return ()
    if selection is None:
        return STAGES
    if retraining.comparison is None:
        return ("compare",)
    return ("deploy",) if retraining.comparison.promote else ()


def _unfinished(
    records: Sequence[Record], config: dict[str, Any], due: Sequence[str]
) -> Iterator[StageError]:
    """Yields the first stage that should have run and left no record, with its items."""
    for stage in due:
        missing = [item for item in _items(records, config, stage) if find(records, stage, item) is None]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            yield StageError(
                stage=f"{stage} {missing[0]}{more}".strip(), type=NO_RECORD, message=_KILLED, exit_code=1
            )
            return


def _items(records: Sequence[Record], config: dict[str, Any], stage: str) -> list[str]:
    """Returns what a stage has to work on; one empty string for a stage that runs once."""
    if stage == "tune" and not config.get("tune"):
        return []
    if stage not in ("prune", "quantize", "evaluate"):
        return [""]
    if stage != "prune":
        return list(summary(records, "shortlist").get("candidates") or [])
    known = read_config(config)
    return list(known.branches()) if known else []
