"""The report stage: result.json and one HTML file out of whatever the run left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trimtab.config.config import Config
from trimtab.report.html.page import render
from trimtab.report.kubeflow import kubeflow_outputs
from trimtab.report.records.assemble import BAD_RECORD, build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.result import StageError
from trimtab.stages.stage import StageRecord, recorded
from trimtab.storage import atomic
from trimtab.storage.store import Store, open_store
from trimtab.storage.volumes import check_outlives_pod


def run(*, config: str, run: str, html: str, pipeline: str) -> dict[str, Any]:
    """Writes ``result.json`` and ``report.html`` of a run, whatever happened before.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory; its ``stages/`` holds the records of the stages.
        html: The local path that gets a copy of the HTML.
        pipeline: The pipeline that it reports on: ``optimize`` or ``retrain``.

    Returns:
        ``metrics``: numbers of the baseline and of the chosen candidate by name. ``confusion``: ``labels``
        and ``matrix`` of the chosen candidate (else of the baseline), or None where there is none.
    """
    with recorded("report", run) as record:
        check_outlives_pod(run, "output")
        store = open_store(run)
        settings, problems = _settings(config)
        found, damaged = _records(store)
        result = build_result(
            found, settings, store.uri, [*problems, *damaged], is_retraining=pipeline == "retrain"
        )
        store.write("result.json", (result.model_dump_json(indent=2) + "\n").encode())
        page = render(result, gather_evidence(found)).encode()
        store.write("report.html", page)
        atomic.write_bytes(Path(html), page)
        record.summary = {"status": result.status, "verdict": result.verdict}
    return kubeflow_outputs(result)


def _settings(config: str) -> tuple[dict[str, Any], list[StageError]]:
    """Returns the resolved config; a bad one is a finding of the report, not the end of it."""
    try:
        return Config.model_validate_json(config).model_dump(mode="json"), []
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "config"
        problem = StageError(
            stage="config", type="ConfigError", message=f"{where}: {first['msg']}", exit_code=2
        )
    try:
        raw = json.loads(config)
    except ValueError:
        raw = None
    return raw if isinstance(raw, dict) else {}, [problem]


def _records(store: Store) -> tuple[list[StageRecord], list[StageError]]:
    """Returns the records of all stages but the report's own; one that cannot be read is a finding too."""
    found, damaged = [], []
    for name in store.names("stages/"):
        label = name.removeprefix("stages/").removesuffix(".json")
        if label == "report":
            continue
        try:
            found.append(StageRecord.model_validate_json(store.read(name) or b""))
        except ValidationError:
            message = f"its record {name} is cut or damaged\n  Run the stage again."
            damaged.append(
                StageError(stage=label.replace(".", " ", 1), type=BAD_RECORD, message=message, exit_code=1)
            )
    return found, damaged
