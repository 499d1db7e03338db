"""A run that goes on where another one was killed: finished work is in the store, checkpoints are brought."""

from __future__ import annotations

import shutil

from trimtab import progress
from trimtab.errors import ConfigError
from trimtab.stages.settings import CONFIG
from trimtab.storage.mirror import mirror
from trimtab.storage.store import open_store

CHECKPOINTS = "checkpoints"


def bring(run_uri: str, earlier: str) -> None:
    """Copies the checkpoints of an earlier run; those of another question are left out when they are read.

    Args:
        run_uri: The URI of the run's directory.
        earlier: The id of a run beside it.

    Raises:
        ConfigError: If there is no such run.
        StorageError: If a directory cannot be read or written.
    """
    before = f"{run_uri.rstrip('/').rpartition('/')[0]}/{earlier}"
    store = open_store(before)
    if store.read(CONFIG) is None:
        raise ConfigError(
            "there is no run to go on from",
            path=before,
            field="kubeflow.resume",
            hint="Name one beside this.",
        )
    names = sorted({name.split("/")[1] for name in store.names(f"{CHECKPOINTS}/")})
    for name in names:
        with (
            mirror(f"{before}/{CHECKPOINTS}/{name}") as old,
            mirror(f"{run_uri}/{CHECKPOINTS}/{name}") as new,
        ):
            shutil.copytree(old.directory, new.directory, dirs_exist_ok=True)
    progress.say("run", f"goes on from {earlier}: {', '.join(names) or 'no training had begun there'}")
