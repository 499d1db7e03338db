"""The champion as one retraining sees it: a verified snapshot, which everything after it is judged against.

    plan.json      what is there, and what is missing or damaged, in words
    pointer.json   the bytes of ``champion.json``, as they were read; absent where there were none
    deployment/    what is served; absent where it cannot be
    training/      what it was trained from; absent where that cannot be used

Another deployment may move the pointer while a retraining runs for hours. Its snapshot does not change, and
promotion compares the pointer with the one in it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from trimtab.artifacts import training
from trimtab.artifacts.training import TrainingRecord
from trimtab.config.config import Config
from trimtab.config.recipes import read_chain
from trimtab.deploy.moves import Champion
from trimtab.deploy.repository import METADATA_FILE, Repository
from trimtab.errors import ArtifactError, DeployError, NewerError, TrimtabError
from trimtab.storage import artifact
from trimtab.storage.artifacts import open_artifacts

KIND = "champion"
PLAN_FILE, POINTER_FILE = "plan.json", "pointer.json"
DEPLOYMENT, TRAINING = "deployment", "training"


class Plan(BaseModel):
    """``plan.json``.

    Attributes:
        version: The champion's; None where the pointer names none.
        usable: Whether it can be served, and so be judged.
        warm: Whether what it was trained from can be used.
        reasons: Why something is missing; empty when all is there.
    """

    version: int | None = None
    usable: bool = False
    warm: bool = False
    reasons: list[str] = []


@dataclass(frozen=True)
class Snapshot:
    """A champion's snapshot.

    Attributes:
        path: Its directory.
        plan: What is there.
    """

    path: Path
    plan: Plan

    @classmethod
    def open(cls, run_uri: str) -> Snapshot:
        """Returns the snapshot that a retraining has in its directory, after verifying it.

        Args:
            run_uri: The URI of the run's directory.

        Raises:
            ArtifactError: If a file is missing, cut or changed, or if it is something else.
        """
        path = open_artifacts(run_uri).open(KIND, KIND).path
        return cls(path, Plan.model_validate_json((path / PLAN_FILE).read_bytes()))

    @property
    def digests(self) -> list[str]:
        """Returns what tells this champion from another one: checksums of all that is known of it."""
        parts = {"deployment": self.deployment, "training": self.training}
        return [artifact.load(path, kind).digest if path else "" for kind, path in parts.items()]

    @property
    def pointer(self) -> bytes | None:
        """Returns ``champion.json`` as it was, or None if there was none."""
        file = self.path / POINTER_FILE
        return file.read_bytes() if file.is_file() else None

    @property
    def deployment(self) -> Path | None:
        """Returns the directory of what is served, or None if it is not usable."""
        return self.path / DEPLOYMENT if self.plan.usable else None

    @property
    def training(self) -> Path | None:
        """Returns the directory of what it was trained from, or None if it is not usable."""
        return self.path / TRAINING if self.plan.warm else None

    @property
    def record(self) -> TrainingRecord | None:
        """Returns where the champion came from, or None if that is lost."""
        return training.read(artifact.load(self.training, "training")) if self.training else None

    def recipe(self) -> list[dict[str, Any]] | None:
        """Returns the chain that the champion was compressed by, or None if that is lost."""
        record = self.record
        stored = record.recipe if record else (self._metadata().get("candidate") or {}).get("recipe")
        chain = read_chain(stored)
        return chain.to_json() if chain else None

    @property
    def made_by(self) -> str | None:
        """Returns the URI of the directory of the run that made the champion, or None if that is lost."""
        return self._metadata().get("run")

    def _metadata(self) -> dict[str, Any]:
        metadata = json.loads((self.deployment / METADATA_FILE).read_bytes()) if self.deployment else {}
        return dict(metadata)

    def planned(self, settings: Config) -> Config:
        """Returns the config with the champion's recipe, if that is known, as the only one."""
        recipe = self.recipe()
        return settings if recipe is None else settings.model_copy(update={"recipes": [recipe]})


def snapshot(run_uri: str) -> Snapshot | None:
    """Returns the snapshot that a run has in its directory, or None.

    Raises:
        ArtifactError: As ``Snapshot.open``.
    """
    return Snapshot.open(run_uri) if open_artifacts(run_uri).manifest(KIND, KIND) else None


def take(target: str, directory: Path) -> Snapshot:
    """Copies the champion of a repository to an empty directory, as much of it as can be used.

    Args:
        target: The URI of the repository.
        directory: An empty directory.

    Raises:
        StorageError: If the repository cannot be reached: that says nothing about the champion.
        NewerError: If a newer trimtab wrote the pointer.
    """
    repository = Repository(target)
    pointer = repository.pointer()
    if pointer is not None:
        (directory / POINTER_FILE).write_bytes(pointer)
    plan = Plan()
    try:
        champion = repository.parse(pointer)
    except NewerError:
        raise
    except DeployError as error:
        champion, plan.reasons = None, [f"the pointer to the champion cannot be used: {_fact(error)}"]
    if champion is not None:
        _copy(repository, champion, directory, plan)
    elif not plan.reasons:
        plan.reasons = [f"no model is deployed at {repository.uri} yet"]
    (directory / PLAN_FILE).write_text(plan.model_dump_json(indent=2) + "\n")
    return Snapshot(directory, plan)


def _copy(repository: Repository, champion: Champion, directory: Path, plan: Plan) -> None:
    version = plan.version = champion.version
    served = _part(repository.fetched, version, directory / DEPLOYMENT)
    trained = _part(repository.training, version, directory / TRAINING)
    plan.usable, plan.warm = not served, not trained
    if served:
        plan.reasons.append(f"champion v{version} cannot be served: {served}")
    if trained:
        plan.reasons.append(f"what champion v{version} was trained from cannot be used: {trained}")


def _part(
    fetch: Callable[[int], AbstractContextManager[artifact.Artifact]], version: int, target: Path
) -> str:
    """Copies a part of a version, and returns why it cannot be used, or an empty string."""
    try:
        with fetch(version) as part:
            if part.manifest.kind == "training":
                training.read(part)
            shutil.copytree(part.path, target)
    except (ArtifactError, DeployError) as error:
        return _fact(error)
    return ""


def _fact(error: TrimtabError) -> str:
    """Returns what is wrong, without what to do about it: a retraining does something else."""
    return error.describe().splitlines()[0]
