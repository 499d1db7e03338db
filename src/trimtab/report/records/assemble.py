"""Builds ``result.json`` from whatever records a run left behind, whole or cut at any point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.deployment import DeploySummary
from trimtab.artifacts.model import TrainSummary
from trimtab.artifacts.record import StageRecord
from trimtab.artifacts.retraining import Retraining
from trimtab.artifacts.search import SearchSummary
from trimtab.artifacts.selection import CandidateResult, Selection, SelectSummary
from trimtab.config import compression, stages
from trimtab.config.chains import BASELINE
from trimtab.config.config import Config
from trimtab.report.records.partial import partial_candidates
from trimtab.report.records.record import RETRAINING, STAGES, find, in_order, shards, summary
from trimtab.report.records.retraining import read_retraining
from trimtab.report.records.warnings import warnings
from trimtab.report.result import DataSummary, LeftOut, Result, StageError, Status, TaskResult
from trimtab.report.words import verdict

NO_RECORD = "NoRecord"
BAD_RECORD = "DamagedRecord"
_ADVICE = """
  Look at the log of this task; a lack of memory is the usual cause. A stage that was cut off goes on \
from its checkpoint when it is started again."""
_KILLED = f"it left no record: its process was killed before it could say why, or never started{_ADVICE}"
_CUT_OFF = f"its process was killed before it could say why{_ADVICE}"


def build_result(
    records: Sequence[StageRecord],
    config: Config | None,
    run_uri: str,
    problems: Sequence[StageError] = (),
    *,
    is_retraining: bool = False,
) -> Result:
    """Returns the outcome of a run.

    Args:
        records: What the tasks left, in any order; a task that was skipped or never started left none.
        config: The config by which the run went on; None: the first task left none.
        run_uri: The URI of the run's directory.
        problems: What went wrong outside of the records, such as a record that cannot be read.
        is_retraining: Whether the run is one of the `retrain` pipeline.

    Returns:
        The result. It is ``failed`` unless every stage that had to run has a record that says it went well.
    """
    selection, unreadable = _selection(records)
    retraining = read_retraining(records) if is_retraining else None
    errors = [*problems, *_failures(records), *unreadable]
    compared = summary(records, "compare", Comparison)
    errors = errors or list(_unfinished(records, config, _due(selection, retraining, compared)))
    chosen = selection.chosen if selection else None
    base = run_uri.rstrip("/")
    candidates = _candidates(selection) if selection else partial_candidates(records, config)
    trained, deployed = summary(records, "train", TrainSummary), summary(records, "deploy", DeploySummary)
    result = Result(
        run_id=base.rpartition("/")[2],
        status="failed" if errors else _status(selection, retraining, compared),
        verdict="",
        why=selection.verdict if selection else "",
        config=config.model_dump(mode="json") if config else {},
        data=_data(records),
        baseline=selection.baseline if selection else _baseline(candidates),
        as_it_came=trained.as_it_came if trained else None,
        candidates=candidates,
        left_out=left_out(config) if config else [],
        search=summary(records, "search", SearchSummary),
        chosen=chosen,
        proof=selection.proof if selection else None,
        parts=selection.parts if selection else [],
        comparison=compared,
        warnings=warnings(records),
        retrain=retraining,
        deployed=deployed.uri if deployed else None,
        report=f"{base}/report.html",
        tensorboard=f"{base}/tensorboard",
        tasks=_tasks(records),
        errors=errors,
    )
    return result.model_copy(update={"verdict": verdict.sentence(result)})


def left_out(config: Config) -> list[LeftOut]:
    """Returns the candidates that were not tried, and why."""
    return [LeftOut(candidate=name, reason=compression.NEEDS_ROWS) for name in compression.left_out(config)]


def _tasks(records: Sequence[StageRecord]) -> list[TaskResult]:
    """Returns the tasks; the time of a stage that another one's task works on too is that one's."""
    tasks: dict[str, TaskResult] = {}
    for record in in_order(records):
        stage = stages.STAGES.get(record.stage)
        if stage is not None and (task := tasks.get(stage.within)):
            task.seconds = round(task.seconds + record.seconds, 3)
        else:
            tasks[record.label] = TaskResult(name=record.label, seconds=record.seconds, reused=record.reused)
    return list(tasks.values())


def _status(
    selection: Selection | None, retraining: Retraining | None, compared: Comparison | None
) -> Status:
    """Returns how a run ended in which nothing failed."""
    if retraining is not None and not retraining.needed:
        return "up_to_date"
    if selection is None or selection.chosen is None:
        return "over_budget"
    if compared is not None and not compared.promote:
        return "up_to_date" if compared.finding == "identical" else "champion_kept"
    return "baseline_deployed" if selection.nothing_else_passed else "deployed"


def _selection(records: Sequence[StageRecord]) -> tuple[Selection | None, list[StageError]]:
    record = find(records, "select")
    if record is None or not record.ok:
        return None, []
    selection = record.read(SelectSummary)
    if selection is not None:
        return selection, []
    message = "its record cannot be read: another version of trimtab wrote it"
    return None, [StageError(stage="select", type=BAD_RECORD, message=message, exit_code=1)]


def _candidates(selection: Selection) -> list[CandidateResult]:
    """Returns every candidate once, the baseline first: it is a candidate too, and may be the one to ship."""
    rest = [c for c in selection.candidates if c.id != selection.baseline.id]
    same = next((c for c in selection.candidates if c.id == selection.baseline.id), selection.baseline)
    return [same, *rest]


def _baseline(candidates: Sequence[CandidateResult]) -> CandidateResult | None:
    return next((candidate for candidate in candidates if candidate.id == BASELINE), None)


def _data(records: Sequence[StageRecord]) -> DataSummary | None:
    data = summary(records, "data_prep", DatasetSummary)
    if data is None:
        return None
    return DataSummary(
        rows=data.rows,
        tested=data.tested,
        folds=data.folds,
        classes=data.classes,
        fingerprint=data.fingerprint,
        input_kind=data.input_kind,
        warnings=data.warnings,
        reach=data.reach,
    )


def _failures(records: Sequence[StageRecord]) -> Iterator[StageError]:
    for record in in_order(records):
        if not record.ended:
            yield StageError(stage=record.label, type=NO_RECORD, message=_CUT_OFF, exit_code=1)
        elif not record.ok:
            yield StageError(
                stage=record.label,
                type=record.error_type or "Error",
                message=record.error.rstrip() or "it ended without saying why",
                exit_code=record.exit_code or 1,
            )


def _due(
    selection: Selection | None, retraining: Retraining | None, compared: Comparison | None
) -> tuple[str, ...]:
    """Returns the stages that had to run; once there is a selection, only those after it."""
    if retraining is not None and not retraining.needed:
        return ()
    if selection is None:
        return tuple(stage for stage in STAGES if retraining is not None or stage not in RETRAINING)
    if compared is None:
        return ("compare",)
    return ("deploy",) if compared.promote else ()


def _unfinished(
    records: Sequence[StageRecord], config: Config | None, due: Sequence[str]
) -> Iterator[StageError]:
    """Yields the first stage that should have run and left no record, with its shards."""
    for stage in due:
        if stage == "tune" and config is not None and config.tune is None:
            continue
        if stage == "search" and not (config is not None and config.is_searched):
            continue
        expected = shards(records) if stages.STAGES[stage].is_sharded else [""]
        missing = [shard for shard in expected if find(records, stage, shard) is None]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            name = f"{stage} {missing[0]}{more}".strip()
            yield StageError(stage=name, type=NO_RECORD, message=_KILLED, exit_code=1)
            return
