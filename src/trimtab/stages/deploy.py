"""The deploy stage: the chosen model becomes the champion of the model repository."""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from pathlib import Path
from typing import Any

from trimtab import progress
from trimtab.artifacts import comparison, selection, training
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.deployment import DeploySummary
from trimtab.artifacts.model import MODEL_FILE, TrainSummary
from trimtab.artifacts.record import read_records
from trimtab.artifacts.selection import CandidateResult, Selection, SelectionLineage
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import champion, kubeflow_hub, promotion, switch
from trimtab.deploy.champion import Snapshot
from trimtab.deploy.identity import who
from trimtab.deploy.kserve.service import Service
from trimtab.deploy.promotion import Deployment
from trimtab.deploy.repository import METADATA_FILE, Repository
from trimtab.deploy.runtime import runtime_of
from trimtab.errors import ArtifactError, DeployError, TrackingError
from trimtab.report.words import proof as words
from trimtab.runtimes import files
from trimtab.stages import settings
from trimtab.stages.judged import remember
from trimtab.stages.stage import Task, recorded
from trimtab.storage import artifact, atomic
from trimtab.storage.store import open_store


def run(run_uri: str, dataset: str, model: str) -> str:
    """Deploys the chosen model.

    Only while the champion still is the one that the model was judged against. A run that is
    resumed after it deployed a model does not deploy it again, and so undoes no rollback.

    Args:
        run_uri: The URI of the run's directory, with its selection and the comparison with the champion.
        dataset: The reference of the dataset, for its schema and preprocessing.
        model: The reference of the trained model.

    Returns:
        The URI of the deployed version.
    """
    with recorded("deploy", run_uri) as task:
        config, snapshot = settings.of(run_uri), champion.snapshot(run_uri)
        data, (selected, decided) = datasets.read(task.store, dataset), selection.read(run_uri)
        if selected.lineage["dataset"] != data.fingerprint:
            raise DeployError("the selection was made on other data", path=str(selected.path))
        chosen = _chosen(selected, decided)
        judged = comparison.read(run_uri, selected) if snapshot else None
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            origin = _training(Path(temporary) / "training", task, config, data, chosen, selected, model)
            deployed = _before(task, config, selected) or _deployed(
                config,
                settings.target(config, run_uri),
                selected,
                _schema(data, chosen),
                _metadata(config, run_uri, decided, chosen),
                training=origin,
                **_judgement(run_uri, snapshot, judged),
            )
        if snapshot and judged is not None and settings.is_retraining(run_uri):
            remember(
                config, snapshot, data, judged, run_uri=run_uri, warn=task.warn, promoted=deployed.version
            )
        _announce(task, settings.target(config, run_uri))
        task.summarize(DeploySummary(**dataclasses.asdict(deployed)))
        progress.say("deploy", f"version {deployed.version} is deployed at {deployed.uri}")
    return deployed.uri


def _deployed(config: Config, target: str, *given: Any, **judged: Any) -> Deployment:
    """Makes the chosen model the champion, where KServe serves it too if the config says so.

    Raises:
        DeployError: If KServe does not serve it; the champion is the one before, if there was one.
    """
    if config.deploy.kserve is None:
        return promotion.deploy(target, *given, **judged)
    service = Service(config.deploy.kserve, config.resources, target)
    deployed = promotion.deploy(target, *given, gate=service.try_out, **judged)
    champion_now = Repository(target).champion()
    if champion_now is None or champion_now.version != deployed.version:
        raise DeployError(
            f"version {deployed.version} was deployed, and is not the champion any more", path=target
        )
    try:
        service.settle(deployed.version)
    except DeployError as error:
        if deployed.previous is not None:
            switch.rollback(target, reason=error.message)
            error.hint = "\n  ".join(
                filter(None, [f"Version {deployed.previous} is the champion again.", error.hint])
            )
        raise
    return deployed


def _announce(task: Task, target: str) -> None:
    """Tells the model registry, if the config names one; that it cannot be told undoes no deployment."""
    try:
        if hub := kubeflow_hub.announce(target):
            progress.say("deploy", f"the champion is registered at {hub}")
    except TrackingError as error:
        task.warn(error.describe())


def describe(uri: str, path: str) -> dict[str, Any]:
    """Writes what a deployed version is to a local file, as JSON, and returns it: plain values by name.

    Args:
        uri: The URI of the version.
        path: The file.

    Raises:
        ArtifactError: If the version does not say what it is.
    """
    content = open_store(uri).read(METADATA_FILE)
    if content is None:
        raise ArtifactError("it is not there", path=f"{uri}/{METADATA_FILE}")
    about = json.loads(content)
    candidate = CandidateResult.model_validate(about["candidate"])
    latency = candidate.latency_ms.p50 if candidate.latency_ms else None
    description = {
        "uri": uri,
        "name": about["name"],
        "version": uri.rstrip("/").rpartition("/")[2],
        "framework": candidate.runtime,
        "candidate": candidate.id,
        "size_bytes": candidate.size_bytes,
        "latency_p50_ms": latency,
        **{name: value for name, value in candidate.metrics.items() if math.isfinite(value)},
        "verdict": about["verdict"],
        "proof": about.get("proof", about["verdict"]),
    }
    description = {name: value for name, value in description.items() if value is not None}
    atomic.write_bytes(Path(path), json.dumps(description, indent=2).encode())
    return description


def _chosen(selected: artifact.Artifact, decided: Selection) -> CandidateResult:
    chosen = next((c for c in decided.candidates if c.id == decided.chosen), None)
    if chosen is None:
        raise DeployError("no candidate was chosen, so there is nothing to deploy", path=str(selected.path))
    return chosen


def _schema(data: Dataset, chosen: CandidateResult) -> bytes:
    """Returns what the outputs mean: the dataset's schema, with the model's own thresholds."""
    own_schema = data.schema.with_thresholds(chosen.thresholds)
    return (own_schema.model_dump_json(indent=2) + "\n").encode()


def _before(task: Task, config: Config, selected: artifact.Artifact) -> Deployment | None:
    """Returns what this run deployed before it was resumed, if it chose the same model again.

    To ``promotion.deploy`` the selection is a new one: it holds latencies, which were measured again.
    """
    repository = Repository(settings.target(config, task.run_uri))
    for earlier in read_records(task.run_uri):
        summary = earlier.read(DeploySummary) if earlier.stage == "deploy" else None
        if summary is None or summary.uri != repository.location(summary.version):
            continue
        if summary.version not in repository.versions():
            continue
        with repository.fetched(summary.version) as version:
            if _files(version) == _files(selected):
                return Deployment(**summary.model_dump())
    return None


def _files(version: artifact.Artifact) -> list[bytes]:
    return [path.read_bytes() for path in files.paths(runtime_of(version), version.path)]


def _judgement(run_uri: str, snapshot: Snapshot | None, judged: Comparison | None) -> dict[str, Any]:
    """Returns who deploys and why, and the pointer that the model was judged against."""
    if snapshot is None or judged is None:
        return {"by": who(run_uri)}
    forced = judged.forced
    return {
        "expected": snapshot.pointer,
        "by": forced.by if forced else who(run_uri),
        "forced": forced is not None,
        "reason": f"{forced.reason} ({judged.why})" if forced else judged.why,
    }


def _training(
    path: Path,
    task: Task,
    config: Config,
    data: Dataset,
    chosen: CandidateResult,
    selected: artifact.Artifact,
    model: str,
) -> artifact.Artifact | None:
    """Writes what retraining and exporting will need; None of a model that came in a runtime's files."""
    entry = task.store.find(model)
    if entry is not None and TrainSummary.model_validate(entry.summary).runtime:
        return None
    trained = task.store.open(model, [MODEL_FILE])
    compressed = task.store.open(SelectionLineage.model_validate(selected.lineage).model, [MODEL_FILE])
    record = training.TrainingRecord(
        fingerprint=data.fingerprint,
        sources=data.sources,
        rows=data.rows,
        content_rows=data.content_rows,
        recipe=chosen.recipe,
        candidate=chosen.id,
        hyperparameters=TrainSummary.model_validate(trained.manifest.summary).hyperparameters.model_dump(),
        data=config.data.model_dump(mode="json"),
    )
    return training.write(path, record, data, trained, compressed)


def _metadata(config: Config, run_uri: str, decided: Selection, chosen: CandidateResult) -> str:
    """Returns what people want to know of the version."""
    about = {
        "name": config.name,
        "run": run_uri,
        "verdict": decided.verdict,
        "proof": words.claim(decided.proof) if decided.proof else decided.verdict,
        "candidate": chosen.model_dump(mode="json"),
    }
    if config.deploy.registry.kubeflow_hub:
        about["registry"] = config.deploy.registry.model_dump(mode="json")
    return json.dumps(about, indent=2) + "\n"
