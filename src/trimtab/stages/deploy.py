"""The deploy stage: the chosen model becomes the champion of the model repository."""

from __future__ import annotations

import dataclasses
import json

from trimtab import progress
from trimtab.config.config import Config
from trimtab.data.dataset import SCHEMA_FILE, Dataset
from trimtab.deploy import promotion
from trimtab.errors import ConfigError, DeployError
from trimtab.report.result import Selection
from trimtab.stages.select import SELECTION_FILE
from trimtab.stages.stage import recorded
from trimtab.storage import artifact


def run(*, config: str, run: str, dataset: str, selection: str) -> str:
    """Deploys the chosen model.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        dataset: The ``dataset`` artifact, for its schema and preprocessing.
        selection: The ``selection`` artifact.

    Returns:
        The URI of the deployed version.
    """
    settings = Config.model_validate_json(config)
    with recorded("deploy", run) as record:
        if settings.deploy.target is None:
            raise ConfigError("expected the URI of a model repository", field="deploy.target")
        data, source = Dataset.open(dataset), artifact.load(selection, "selection")
        if source.lineage["dataset"] != data.fingerprint:
            raise DeployError("the selection was made on other data", path=str(source.path))
        decided = Selection.model_validate_json((source.path / SELECTION_FILE).read_bytes())
        deployed = promotion.deploy(
            settings.deploy.target,
            source,
            (data.path / SCHEMA_FILE).read_bytes(),
            _metadata(settings, run, decided),
        )
        record.summary = dataclasses.asdict(deployed)
        progress.say("deploy", f"version {deployed.version} is the champion at {deployed.uri}")
    return deployed.uri


def _metadata(settings: Config, run: str, decided: Selection) -> str:
    """Returns what people want to know of the version."""
    chosen = next((c for c in decided.candidates if c.id == decided.chosen), None)
    found = {
        "name": settings.name,
        "run": run,
        "verdict": decided.verdict,
        "candidate": chosen.model_dump(mode="json") if chosen else None,
    }
    return json.dumps(found, indent=2) + "\n"
