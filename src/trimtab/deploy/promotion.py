"""Deployment: a selected model becomes a version, is proven servable where it lies, and then the champion."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

from trimtab.artifacts import claim
from trimtab.deploy import servable
from trimtab.deploy.golden import GOLDEN_FILE
from trimtab.deploy.pointer import lost, move, readable
from trimtab.deploy.repository import METADATA_FILE, SCHEMA_FILE, Repository
from trimtab.deploy.runtime import runtime_of
from trimtab.errors import ArtifactError, DeployError
from trimtab.runtimes import files
from trimtab.storage import artifact

_JUDGE_AGAIN = "It was judged against another champion: run the pipeline again."


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


def deploy(
    target: str,
    selection: artifact.Artifact,
    schema: bytes,
    metadata: str,
    *,
    training: artifact.Artifact | None = None,
    expected: bytes | EllipsisType | None = ...,
    by: str | None = None,
    forced: bool = False,
    reason: str = "",
    gate: Callable[[int], None] | None = None,
) -> Deployment:
    """Deploys a selected model and makes it the champion.

    A step that is repeated after it succeeded finds its own work, and does nothing: it does not undo a
    rollback either.

    Args:
        target: The URI of the repository.
        selection: The ``selection`` artifact, with a chosen model.
        schema: The dataset's ``schema.json``.
        metadata: What people want to know of the version, as JSON.
        training: The ``training`` artifact; None where the model was not trained here.
        expected: The pointer that the model was judged against, even if it is damaged (None: there was none).
            ``...``: whatever it is now.
        by: Who deploys; None: this user on this host.
        forced: Whether it is to be promoted whatever was shown of it.
        reason: Why, for the history.
        gate: Tries a version out where it will be served, before it is the champion.

    Raises:
        DeployError: If nothing was chosen, if the new version cannot be served (the champion stays), or if
            the pointer is not the expected one, or moved meanwhile.
        StorageError: If the repository cannot be read or written.
    """
    if not (selection.path / GOLDEN_FILE).is_file():
        raise DeployError("no candidate was chosen, so there is nothing to deploy", path=str(selection.path))
    repository = Repository(target)
    pointer = repository.pointer()
    if (done := _done(repository, pointer, selection)) is not None:
        return done
    if expected is ...:
        repository.parse(pointer)  # one that is damaged is replaced only by who has seen it
    elif pointer != expected:
        raise lost(repository, "the model was not deployed", _JUDGE_AGAIN)
    version = _left(repository, selection, training) or _add(
        repository, selection, schema, metadata, training
    )
    check = servable.check(repository.uri, version)
    if gate is not None:
        gate(version)
    try:
        champion = move(
            repository,
            pointer,
            version,
            selection.digest,
            action="deploy",
            by=by,
            forced=forced,
            reason=reason,
        )
    except DeployError:
        # The winner may be this very step, started twice.
        if (done := _done(repository, repository.pointer(), selection)) is not None:
            return done
        raise
    return Deployment(repository.location(version), version, champion.previous, check.difference)


def _done(repository: Repository, pointer: bytes | None, selection: artifact.Artifact) -> Deployment | None:
    """Returns the deployment that once made a selection the champion, whatever became of it since."""
    champion = readable(repository, pointer)
    before = None
    for promotion in champion.history if champion else []:
        if promotion.action == "deploy" and promotion.selection == selection.digest:
            return Deployment(
                repository.location(promotion.version), promotion.version, before, difference=None
            )
        before = promotion.version
    return None


def _left(
    repository: Repository, selection: artifact.Artifact, training: artifact.Artifact | None
) -> int | None:
    """Returns the version that this deployment wrote before it died, if its pointer never moved to it."""
    champion = readable(repository, repository.pointer())
    served = {move.version for move in champion.history} if champion else set()
    expected = _lineage(selection, training)
    for version in reversed(repository.versions()):
        if version in served:
            continue
        with contextlib.suppress(ArtifactError), repository.fetched(version) as left:
            if left.lineage == expected:
                return version
    return None


def _lineage(selection: artifact.Artifact, training: artifact.Artifact | None) -> dict[str, Any]:
    lineage = {**selection.lineage, "selection": selection.digest}
    return lineage if training is None else {**lineage, "training": training.digest}


def _add(
    repository: Repository,
    selection: artifact.Artifact,
    schema: bytes,
    metadata: str,
    training: artifact.Artifact | None,
) -> int:
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        directory = Path(temporary) / "deployment"
        with artifact.create(directory, "deployment") as draft:
            files.copy(runtime_of(selection), selection.path, draft.path)
            names = [GOLDEN_FILE, *(name for name in claim.FILES if (selection.path / name).is_file())]
            for name in names:
                shutil.copyfile(selection.path / name, draft.path / name)
            (draft.path / SCHEMA_FILE).write_bytes(schema)
            (draft.path / METADATA_FILE).write_text(_described(metadata, selection))
            draft.lineage = _lineage(selection, training)
        return repository.add(directory, training.path if training else None)


def _described(metadata: str, selection: artifact.Artifact) -> str:
    """Returns the metadata with the runtime, and the version of its library that the model was proven on."""
    serving = runtime_of(selection)
    version = selection.lineage.get("runtime_version", serving.version())
    described = {**json.loads(metadata), "runtime": {"name": serving.name, "version": version}}
    return json.dumps(described, indent=2) + "\n"
