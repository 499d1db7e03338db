"""The report stage: result.json, one HTML file and a model card out of whatever the run left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trimtab import notify, progress
from trimtab.artifacts import answered
from trimtab.artifacts.record import RECORDS, StageRecord
from trimtab.artifacts.selection import SelectSummary
from trimtab.config.config import Config
from trimtab.config.stages import STAGES
from trimtab.errors import ArtifactError, ConfigError, TrackingError, TrimtabError
from trimtab.report.card import model_card, with_head
from trimtab.report.html.page import render
from trimtab.report.kubeflow import kubeflow_outputs
from trimtab.report.notice import notice
from trimtab.report.records.assemble import BAD_RECORD, build_result
from trimtab.report.records.evidence import Evidence, gather_evidence
from trimtab.report.records.record import summary
from trimtab.report.result import Result, StageError
from trimtab.report.tensorboard.review import write_review
from trimtab.stages import reviewing, settings, tokens
from trimtab.stages.reviewing import ReviewSubject
from trimtab.stages.stage import Task, recorded
from trimtab.storage import atomic
from trimtab.storage.store import Store, open_store
from trimtab.storage.volumes import check_outlives_pod
from trimtab.tracking import mlflow


class ReportSummary(BaseModel):
    """What was reported."""

    status: str
    verdict: str


def run(run_uri: str, html: str, pipeline: str, card: str = "") -> dict[str, Any]:
    """Writes ``result.json``, ``report.html`` and the model card of a run, whatever happened before.

    Args:
        run_uri: The URI of the run's directory, which holds the config and the records of the tasks.
        html: The local path that gets a copy of the HTML.
        pipeline: The pipeline that it reports on: ``optimize`` or ``retrain``.
        card: The local path that gets the model card without its head; empty: none does.

    Returns:
        ``metrics``: numbers of the baseline and of the chosen candidate by name. ``confusion``: ``labels``
        and ``matrix`` of the chosen candidate (else of the baseline), or None where there is none.
    """
    with recorded("report", run_uri) as task:
        check_outlives_pod(run_uri, "output")
        store = open_store(run_uri)
        config, problems = _config(run_uri)
        _recall(run_uri, store)
        records, damaged = _records(store)
        result = build_result(
            records, config, store.uri, [*problems, *damaged], is_retraining=pipeline == "retrain"
        )
        store.write("result.json", (result.model_dump_json(indent=2) + "\n").encode())
        evidence = gather_evidence(records)
        page = render(result, evidence).encode()
        store.write("report.html", page)
        atomic.write_bytes(Path(html), page)
        head_and_card = with_head(result)
        store.write("MODEL_CARD.md", head_and_card.encode())
        if card:
            atomic.write_bytes(Path(card), model_card(result).encode())
        _tell(config, result)
        _track(task, result, evidence, {"report.html": page.decode(), "MODEL_CARD.md": head_and_card})
        _review(task, run_uri, config, result, records)
        task.summarize(ReportSummary(status=result.status, verdict=result.verdict))
    return kubeflow_outputs(result)


def _review(
    task: Task, run_uri: str, config: Config | None, result: Result, records: list[StageRecord]
) -> None:
    """Writes what TensorBoard shows; that it cannot be written is no fault of the run's."""
    selected = summary(records, "select", SelectSummary)

    def more(directory: Path) -> None:
        if config is None or selected is None or not selected.evaluations:
            return
        if failed := reviewing.write_more(run_uri, directory, ReviewSubject.of(config, selected)):
            task.warn(f"TensorBoard does not show all of it: {failed}")

    try:
        write_review(run_uri, result, records, more)
    except TrimtabError as error:
        task.warn(f"TensorBoard does not show the outcome: {error.message}")


def _recall(run_uri: str, store: Store) -> None:
    """Adds the records of tasks that were skipped before others that ran; `select` has done it if it did."""
    ran, _ = _records(store) if answered.read_tokens(run_uri) else ([], [])
    for record in ran:
        if record.stage in STAGES and STAGES[record.stage].is_cached:
            tokens.recall(run_uri, record.stage, [record.shard])


def _tell(config: Config | None, result: Result) -> None:
    """Tells people of the outcome; that they cannot be told is no fault of the run's."""
    if config is None:
        return
    told = notice(result)
    failures = notify.send(config.notify, told) if told else []
    if result.status != "failed":
        failures.append(notify.beat(config.notify))
    for failure in filter(None, failures):
        progress.say("report", f"nobody was told by {failure}")


def _track(task: Task, result: Result, evidence: Evidence, pages: dict[str, str]) -> None:
    """Logs the run where the environment says; that it cannot be is no fault of the run's."""
    if not mlflow.is_asked():
        return
    try:
        pages = {**pages, "result.json": result.model_dump_json(indent=2)}
        logged = mlflow.log(result, evidence.histories, pages, task.run_uri)
    except TrackingError as error:
        task.warn(f"the run is not logged: {error.describe()}")
    else:
        progress.say("report", f"logged in MLflow as {logged}")


def _config(run_uri: str) -> tuple[Config | None, list[StageError]]:
    """Returns the config by which the run went on; a damaged one is a finding of the report, not its end."""
    try:
        return settings.of(run_uri), []
    except ArtifactError:
        return None, []  # the first task has left none, and says why
    except ConfigError as error:
        message = error.describe()
        return None, [StageError(stage="config", type="ConfigError", message=message, exit_code=2)]


def _records(store: Store) -> tuple[list[StageRecord], list[StageError]]:
    """Returns the records of all tasks but the report's own; one that cannot be read is a finding too."""
    records, damaged = [], []
    for name in store.names(RECORDS):
        label = name.removeprefix(RECORDS).removesuffix(".json")
        if label == "report":
            continue
        try:
            records.append(StageRecord.model_validate_json(store.read(name) or b""))
        except ValidationError:
            message = f"its record {name} is cut or damaged\n  Run the stage again."
            stage, _, shard = label.partition(".")
            error = f"{stage} {shard.replace('-', '/')}".strip()
            damaged.append(StageError(stage=error, type=BAD_RECORD, message=message, exit_code=1))
    return records, damaged
