"""MLflow: a run's settings, numbers, curves, candidates, report and model, where a tracking server is named.

    <experiment>/
      <name> <run>       config as parameters, the baseline's and the choice's metrics, curves, the report,
                         the model card, result.json, and the deployed files below model/
        <candidate>      a nested run each: its passes as parameters, its quality and cost as metrics

The server is that of ``MLFLOW_TRACKING_URI``, which Kubeflow Pipelines sets in pods from 2.17 on, with the
experiment and the run of the task, below which a run goes. A run that is logged again replaces what is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trimtab.artifacts.selection import CandidateResult
from trimtab.deploy.repository import Repository
from trimtab.errors import TrackingError
from trimtab.report.kubeflow import kubeflow_outputs, scalars
from trimtab.report.records.evidence import History
from trimtab.report.result import Result

if TYPE_CHECKING:
    from mlflow import MlflowClient

SERVER, EXPERIMENT_ID, EXPERIMENT_NAME = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
)
PARENT = "MLFLOW_RUN_ID"
_PARENT_TAG, _NOTE_TAG = "mlflow.parentRunId", "mlflow.note.content"
_RUN_TAG, _KEY_TAG = "trimtab.run", "trimtab.key"
# What its API takes in one go, and of one value: https://mlflow.org/docs/latest/rest-api.html#log-batch
_PARAMETERS, _METRICS, _VALUE = 100, 1000, 6000
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # 7 take minutes where there is no server
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
T = TypeVar("T")
_UNTOLD = ("resources", "notify", "tensorboard")


def is_asked() -> bool:
    """Returns whether the environment names a server."""
    return bool(os.environ.get(SERVER, "").strip())


def log(result: Result, histories: Sequence[History], pages: Mapping[str, str], run_uri: str) -> str:
    """Logs the outcome of a run, and returns the id of MLflow's run.

    Args:
        result: The outcome.
        histories: Its trainings.
        pages: Texts by file name: the report, the model card.
        run_uri: The URI of the run's directory, by which what was logged of it before is found and replaced.

    Raises:
        TrackingError: If the extra is not installed, or the server fails; what was logged before stays.
    """
    try:
        metadata.version("mlflow-skinny")
    except metadata.PackageNotFoundError:
        raise TrackingError(
            f"{SERVER} is set, and MLflow is not installed", hint="Install it: pip install 'trimtab[mlflow]'"
        ) from None
    try:
        return _log(result, histories, pages, run_uri)
    except (
        Exception
    ) as error:  # its client's own, those of requests, urllib3, and of whatever holds its files
        raise TrackingError(f"MLflow: {_words(error)}", hint=f"See {SERVER}.") from error


def _log(result: Result, histories: Sequence[History], pages: Mapping[str, str], run_uri: str) -> str:
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    client = MlflowClient()
    tracked = _Tracked(client, _experiment(client, str(result.config.get("name", "trimtab"))))
    key = hashlib.sha256(run_uri.encode()).hexdigest()
    earlier = tracked.with_tag(_KEY_TAG, key)
    name = f"{result.config.get('name', 'trimtab')} {result.run_id}"
    tags = {**_tags(result), _RUN_TAG: run_uri, _KEY_TAG: key}
    with tracked.begun(name, os.environ.get(PARENT, ""), tags, failed=result.status == "failed") as run_id:
        settings = {part: value for part, value in result.config.items() if part not in _UNTOLD}
        tracked.parameters(run_id, _flat(settings))
        tracked.metrics(
            run_id, [(name, value, 0) for name, value in kubeflow_outputs(result)["metrics"].items()]
        )
        tracked.metrics(run_id, _curves(histories))
        for candidate in result.candidates:
            tracked.candidate(run_id, candidate, is_chosen=candidate.id == result.chosen)
        for file, text in pages.items():
            client.log_text(run_id, text, file)
        if result.deployed:
            tracked.model(run_id, result.deployed)
    for old in earlier:
        tracked.delete(old)
    return run_id


@dataclass(frozen=True)
class _Tracked:
    """An experiment of a server."""

    client: MlflowClient
    experiment: str

    def with_tag(self, tag: str, value: str) -> list[str]:
        """Returns the ids of the runs that have a tag of that value, which needs no quoting."""
        token, run_ids = None, []
        while True:
            page = self.client.search_runs([self.experiment], f"tags.`{tag}` = '{value}'", page_token=token)
            run_ids += [run.info.run_id for run in page]
            if not (token := page.token):
                return run_ids

    @contextlib.contextmanager
    def begun(self, name: str, parent: str, tags: Mapping[str, str], *, failed: bool) -> Iterator[str]:
        """Yields the id of a new run, which ends with the block, as failed if that fails."""
        below = {_PARENT_TAG: parent} if parent else {}
        run = self.client.create_run(self.experiment, tags={**tags, **below}, run_name=name).info.run_id
        try:
            yield run
        except Exception:
            with contextlib.suppress(Exception):
                self.client.set_terminated(run, "FAILED")
            raise
        self.client.set_terminated(run, "FAILED" if failed else "FINISHED")

    def parameters(self, run_id: str, values: Mapping[str, str]) -> None:
        """Logs parameters."""
        from mlflow.entities import Param

        allowed = {_allowed(name): value[:_VALUE] for name, value in values.items()}
        for some in _slices([Param(name, value) for name, value in allowed.items()], _PARAMETERS):
            self.client.log_batch(run_id, params=some)

    def metrics(self, run_id: str, values: Sequence[tuple[str, float, int]]) -> None:
        """Logs numbers: name, value, and step each."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        finite = [
            Metric(_allowed(name), value, now, step) for name, value, step in values if math.isfinite(value)
        ]
        for some in _slices(finite, _METRICS):
            self.client.log_batch(run_id, metrics=some)

    def candidate(self, parent: str, candidate: CandidateResult, *, is_chosen: bool) -> None:
        """Logs a candidate as a run of its own."""
        said = "\n".join([*candidate.reasons, *candidate.flags])
        tags = {
            "trimtab.chosen": str(is_chosen).lower(),
            "trimtab.within_budget": str(candidate.within_budget).lower(),
            **({_NOTE_TAG: said} if said else {}),
        }
        with self.begun(candidate.id, parent, tags, failed=not candidate.ok) as run:
            self.parameters(run, _steps(candidate))
            self.metrics(run, [(name, value, 0) for name, value in scalars(candidate)])

    def model(self, run_id: str, uri: str) -> None:
        """Logs the files of a deployed version below ``model/``, with a head as MLflow's models have."""
        from mlflow.models import Model

        target, _, version = uri.rstrip("/").rpartition("/")
        with Repository(target).fetched(int(version)) as deployed, tempfile.TemporaryDirectory() as temporary:
            self.client.log_artifacts(run_id, str(deployed.path), "model")
            flavor = {"trimtab": {"uri": uri, "version": int(version)}}
            head = Path(temporary) / "MLmodel"
            head.write_text(Model(artifact_path="model", run_id=run_id, flavors=flavor).to_yaml())
            self.client.log_artifact(run_id, str(head), "model")

    def delete(self, run_id: str) -> None:
        """Deletes a run and those below it; MLflow keeps them for who wants them back."""
        for nested in self.with_tag(_PARENT_TAG, run_id):
            self.client.delete_run(nested)
        self.client.delete_run(run_id)


def _slices(values: Sequence[T], most: int) -> list[Sequence[T]]:
    return [values[start : start + most] for start in range(0, len(values), most)]


def _experiment(client: MlflowClient, name: str) -> str:
    """Returns the id of the experiment that the environment names, else of the one of that name."""
    from mlflow.exceptions import MlflowException

    if identifier := os.environ.get(EXPERIMENT_ID):
        return identifier
    name = os.environ.get(EXPERIMENT_NAME) or name
    if experiment := client.get_experiment_by_name(name):
        return str(experiment.experiment_id)
    try:
        return str(client.create_experiment(name))
    except MlflowException:
        if experiment := client.get_experiment_by_name(name):  # another run was faster
            return str(experiment.experiment_id)
        raise


def _tags(result: Result) -> dict[str, str]:
    note = "\n\n".join(part for part in (result.verdict, result.why) if part)
    tags = {
        "status": result.status,
        "chosen": result.chosen,
        "deployed": result.deployed,
        "report": result.report,
    }
    return {_NOTE_TAG: note, **{f"trimtab.{name}": value for name, value in tags.items() if value}}


def _curves(histories: Sequence[History]) -> list[tuple[str, float, int]]:
    return [
        (f"{history.name}/{name}", float(value), int(epoch["epoch"]))
        for history in histories
        for epoch in history.epochs
        for name, value in epoch.items()
        if name != "epoch"
    ]


def _steps(candidate: CandidateResult) -> dict[str, str]:
    """Returns a chain as parameters; a method that it has twice is numbered."""
    parameters: dict[str, str] = {}
    named: list[str] = []
    for step in candidate.recipe:
        for name, given in step.items():
            named.append(name)
            again = named.count(name)
            parameters.update(_flat({f"{name} {again}" if again > 1 else name: given or True}))
    return parameters


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Returns settings by dotted name; those that are not set are left out."""
    settings: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            settings.update(_flat(value, f"{prefix}{name}."))
        elif value not in (None, "", []):
            settings[f"{prefix}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return settings


def _allowed(name: str) -> str:
    """Returns a name of the characters that MLflow takes."""
    return re.sub(r"[^\w./ -]", "_", name, flags=re.ASCII)[:250]


def _words(error: Exception) -> str:
    """Returns what a client says, in a line, and without a password that is in the server's address."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return re.sub(r"//[^/@\s]*@", "//", first)[:300]
