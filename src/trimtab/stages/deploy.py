"""The deploy stage: the chosen model becomes the champion of the model repository."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

from trimtab import progress
from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.selection import CandidateResult, Selection
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import SCHEMA_FILE, Dataset
from trimtab.deploy import promotion, training
from trimtab.deploy.champion import Snapshot
from trimtab.deploy.identity import who
from trimtab.deploy.promotion import Deployment
from trimtab.deploy.repository import Repository
from trimtab.deploy.runtime import runtime_of
from trimtab.errors import ArtifactError, DeployError
from trimtab.runtimes import files
from trimtab.stages.begin import target, with_target
from trimtab.stages.compare import COMPARISON_FILE
from trimtab.stages.judged import remember
from trimtab.stages.select import SELECTION_FILE
from trimtab.stages.stage import recorded, records
from trimtab.storage import artifact


def run(
    *,
    config: str,
    run: str,
    dataset: str,
    model: str,
    shortlist: str,
    selection: str,
    champion: str | None = None,
    comparison: str | None = None,
) -> str:
    """Deploys the chosen model.

    In a retraining, only while the champion still is the one that the model was judged against. A run that is
    resumed after it deployed a model does not deploy it again, and so undoes no rollback.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        dataset: The ``dataset`` artifact, for its schema and preprocessing.
        model: The trained ``model`` artifact.
        shortlist: The ``shortlist`` artifact, for the Keras model that the chosen one was made from.
        selection: The ``selection`` artifact.
        champion: The ``champion`` artifact of a retraining.
        comparison: Its ``comparison`` artifact.

    Returns:
        The URI of the deployed version.
    """
    settings = with_target(Config.model_validate_json(config), run)
    repository = target(settings, run)
    with recorded("deploy", run) as record:
        data, source = Dataset.open(dataset), artifact.load(selection, "selection")
        if source.lineage["dataset"] != data.fingerprint:
            raise DeployError("the selection was made on other data", path=str(source.path))
        decided = Selection.model_validate_json((source.path / SELECTION_FILE).read_bytes())
        chosen = next((c for c in decided.candidates if c.id == decided.chosen), None)
        if chosen is None:
            raise DeployError("no candidate was chosen, so there is nothing to deploy", path=str(source.path))
        judged = _comparison(comparison, source) if comparison else None
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            kept = _training(Path(temporary) / "training", settings, data, chosen, model, shortlist)
            deployed = _before(run, repository, source) or promotion.deploy(
                repository,
                source,
                (data.path / SCHEMA_FILE).read_bytes(),
                _metadata(settings, run, decided, chosen),
                training=kept,
                **_judgement(run, champion, judged),
            )
        if champion and judged is not None:
            remember(settings, Snapshot.open(champion), data, judged, run=run, promoted=deployed.version)
        record.summary = dataclasses.asdict(deployed)
        progress.say("deploy", f"version {deployed.version} is deployed at {deployed.uri}")
    return deployed.uri


def _before(run: str, target: str, selection: artifact.Artifact) -> Deployment | None:
    """Returns what this run deployed before it was resumed, if it chose the same model again.

    To ``promotion.deploy`` the selection is a new one: it holds latencies, which were measured again.
    """
    repository = Repository(target)
    for earlier in records(run):
        if earlier.stage != "deploy" or not earlier.ok:
            continue
        deployed = Deployment(**earlier.summary)
        if deployed.uri != repository.location(deployed.version):
            continue
        if deployed.version not in repository.versions():
            continue
        with repository.fetched(deployed.version) as found:
            if _files(found) == _files(selection):
                return deployed
    return None


def _files(version: artifact.Artifact) -> list[bytes]:
    return [path.read_bytes() for path in files.paths(runtime_of(version), version.path)]


def _comparison(path: str, selection: artifact.Artifact) -> Comparison:
    found = artifact.load(path, "comparison")
    if found.lineage["selection"] != selection.digest:
        raise ArtifactError("it judged another selection", path=str(found.path))
    return Comparison.model_validate_json((found.path / COMPARISON_FILE).read_bytes())


def _judgement(run: str, champion: str | None, judged: Comparison | None) -> dict[str, Any]:
    """Returns who deploys and why, and the pointer that the model was judged against."""
    if not champion or judged is None:
        return {"by": who(run)}
    forced = judged.forced
    return {
        "expected": Snapshot.open(champion).pointer,
        "by": forced.by if forced else who(run),
        "forced": forced is not None,
        "reason": f"{forced.reason} ({judged.why})" if forced else judged.why,
    }


def _training(
    path: Path, settings: Config, data: Dataset, chosen: CandidateResult, model: str, shortlist: str
) -> artifact.Artifact:
    """Writes what retraining and exporting will need, after checking that the artifacts belong together."""
    trained = artifact.load(model, "model")
    compressed = artifact.load(
        artifact.load(shortlist, "shortlist").path / settings.candidates()[chosen.id].branch.id, "model"
    )
    if trained.lineage["dataset"] != data.fingerprint:
        raise ArtifactError("the model was trained on other data", path=str(trained.path))
    if compressed.lineage["parent"] != trained.digest:
        raise ArtifactError("it was made from another model", path=str(compressed.path))
    record = training.TrainingRecord(
        fingerprint=data.fingerprint,
        sources=data.sources,
        rows=data.rows,
        content_rows=data.content_rows,
        recipe=chosen.recipe,
        candidate=chosen.id,
        hyperparameters=trained.lineage["hyperparameters"],
        data=settings.data.model_dump(mode="json"),
    )
    return training.write(path, record, data, trained, compressed)


def _metadata(settings: Config, run: str, decided: Selection, chosen: CandidateResult) -> str:
    """Returns what people want to know of the version."""
    found = {
        "name": settings.name,
        "run": run,
        "verdict": decided.verdict,
        "candidate": chosen.model_dump(mode="json"),
    }
    return json.dumps(found, indent=2) + "\n"
