"""The champion as a run has it in its directory: what it judges against, and may replace."""

from __future__ import annotations

from trimtab.config.config import Config
from trimtab.deploy import champion as champions
from trimtab.deploy.champion import Snapshot
from trimtab.stages import settings
from trimtab.storage.artifacts import open_artifacts


def take(run_uri: str, config: Config) -> Snapshot:
    """Takes a snapshot of the champion of the config's target, and leaves it in the run's directory.

    Raises:
        StorageError: If the repository cannot be reached.
    """
    with open_artifacts(run_uri).create(champions.KIND, champions.KIND) as draft:
        taken = champions.take(settings.target(config, run_uri), draft.path)
        draft.lineage = {"target": config.deploy.target, "version": taken.plan.version}
    return Snapshot.open(run_uri)


def retrained(run_uri: str) -> Snapshot | None:
    """Returns the champion that a retraining starts from, or None in a run.

    A run takes a snapshot too, once there is something to compare with it; where it goes on after that, what
    it trained before must be what it asks for again.

    Raises:
        ArtifactError: As ``Snapshot.open``.
    """
    return champions.snapshot(run_uri) if settings.is_retraining(run_uri) else None
