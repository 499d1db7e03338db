"""Deployment: a selected model becomes a version, is proven servable where it lies, and then the champion."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trimtab.deploy import servable
from trimtab.deploy.golden import GOLDEN_FILE
from trimtab.deploy.repository import METADATA_FILE, MODEL_FILE, SCHEMA_FILE, Champion, Repository
from trimtab.errors import DeployError
from trimtab.storage import artifact


@dataclass(frozen=True)
class Deployment:
    """What was deployed.

    Attributes:
        uri: Where it is served from.
        version: Its number.
        previous: The version that was the champion before.
        difference: Largest difference of the fresh process' outputs to the golden predictions; None where the
            selection had been deployed before, and nothing was done.
    """

    uri: str
    version: int
    previous: int | None
    difference: float | None


def deploy(target: str, selection: artifact.Artifact, schema: bytes, metadata: str) -> Deployment:
    """Deploys a selected model and makes it the champion.

    A step that is repeated after it succeeded finds its own work, and does nothing.

    Args:
        target: The URI of the repository.
        selection: The ``selection`` artifact, with a chosen model.
        schema: The dataset's ``schema.json``.
        metadata: What people want to know of the version, as JSON.

    Raises:
        DeployError: If nothing was chosen, if the new version cannot be served (the champion stays), or if
            another deployment moved the pointer meanwhile.
    """
    if not (selection.path / MODEL_FILE).is_file():
        raise DeployError("no candidate was chosen, so there is nothing to deploy", path=str(selection.path))
    repository = Repository(target)
    pointer = repository.pointer()
    champion = repository.parse(pointer)
    if champion is not None and champion.selection == selection.digest:
        return Deployment(
            repository.location(champion.version), champion.version, champion.previous, difference=None
        )
    try:
        version = _add(repository, selection, schema, metadata)
    except OSError as error:
        raise DeployError(f"the repository cannot be written: {error}", path=repository.uri) from error
    found = servable.check(repository.uri, version)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    previous = champion.version if champion else None
    successor = Champion(version=version, previous=previous, selection=selection.digest, deployed_at=now)
    if not repository.promote(successor, pointer):
        raise DeployError(
            f"version {version} was not promoted: another deployment moved the pointer first",
            path=repository.uri,
            hint="Compare the two, and run the deploy stage again to promote this one.",
        )
    return Deployment(repository.location(version), version, previous, found.difference)


def _add(repository: Repository, selection: artifact.Artifact, schema: bytes, metadata: str) -> int:
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        directory = Path(temporary) / "deployment"
        with artifact.create(directory, "deployment") as draft:
            for name in (MODEL_FILE, GOLDEN_FILE):
                shutil.copyfile(selection.path / name, draft.path / name)
            (draft.path / SCHEMA_FILE).write_bytes(schema)
            (draft.path / METADATA_FILE).write_text(metadata)
            draft.lineage = {**selection.lineage, "selection": selection.digest}
        return repository.add(directory)
