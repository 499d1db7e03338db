"""The directory of a run on this machine: a local one, or one in Cloud Storage with a local one beside it.

KFP's local runners hand on what tasks return in files. Those of a run in Cloud Storage are in a temporary
directory and are gone with it.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.artifacts.store import STORE
from trimtab.cli.temporary import temporary
from trimtab.errors import ConfigError, TrimtabError
from trimtab.stages.settings import CONFIG, content_of, parsed
from trimtab.storage import atomic
from trimtab.storage.objects.location import is_remote
from trimtab.storage.store import Store, open_store

if TYPE_CHECKING:
    from trimtab.config.config import Config

PIPELINE, LOG, LOCK, KFP = "pipeline.txt", "run.log", ".lock", ".kfp"
_ABANDONED_S = 86_400.0
"""An entry of the store that nothing was written to for so long has no writer any more."""


def named(run: str, output: str) -> str:
    """Returns the URI of the directory of a run that a user names.

    Args:
        run: Its id, or the URI of its directory.
        output: The URI of the directory that holds the runs' directories.
    """
    return run.rstrip("/") if is_remote(run) or Path(run).is_dir() else f"{output.rstrip('/')}/{run}"


@contextlib.contextmanager
def opened(uri: str, pipeline: str, config: Config, *, resume: bool) -> Iterator[Path]:
    """Creates a run's directory, or goes on with an earlier one, and yields the local directory to work in.

    Args:
        uri: The URI of the run's directory.
        pipeline: The pipeline's name.
        config: The resolved config.
        resume: Whether the run exists already.

    Yields:
        The run's directory itself, or a temporary one whose `run.log` goes to the run's in the end.

    Raises:
        ConfigError: If the run to resume does not exist or is of another config or pipeline; if a new one
            exists already; if another process of this machine works on it, or it cannot be accessed.
        StorageError: If it cannot be reached.
    """
    store = open_store(uri)
    _claim(store, pipeline, config, resume)
    with _published(store) if is_remote(uri) else _locked(Path(uri)) as directory:
        yield directory


def _claim(store: Store, pipeline: str, config: Config, resume: bool) -> None:
    content = content_of(config)
    if not resume:
        if not store.swap(CONFIG, None, content):
            raise ConfigError("this run exists already", path=store.uri, hint="Go on with it by --resume.")
        store.write(PIPELINE, pipeline.encode())
        return
    stored = store.read(CONFIG)
    if stored is None:
        raise ConfigError("there is no such run", path=store.uri, hint="See the directories beside it.")
    if stored != content and parsed(stored, f"{store.uri.rstrip('/')}/{CONFIG}") != config:
        raise ConfigError(
            "was made with another config", path=store.uri, hint="Resume it with the same file and --set."
        )
    made_by = (store.read(PIPELINE) or pipeline.encode()).decode()
    if made_by != pipeline:
        raise ConfigError(
            f"is a run of the pipeline {made_by}, not of {pipeline}",
            path=store.uri,
            hint="Resume it with the command that started it: `trimtab run` or `trimtab retrain`.",
        )


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[Path]:
    """Keeps two processes from working on one run."""
    with (directory / LOCK).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError("another process is working on this run", path=str(directory)) from None
        # Nobody else writes to the directory as long as it is locked; to the store, other runs may.
        atomic.sweep(directory, "**", 0.0)
        atomic.sweep(directory.parent / STORE, "*", _ABANDONED_S)
        try:
            yield directory
        finally:
            atomic.sweep(directory, "**", 0.0)


@contextlib.contextmanager
def _published(store: Store) -> Iterator[Path]:
    with temporary() as scratch:
        log = scratch / LOG
        log.write_bytes(store.read(LOG) or b"")
        try:
            yield scratch
        except BaseException:
            with contextlib.suppress(TrimtabError):  # what ended the run matters more
                store.write(LOG, log.read_bytes())
            raise
        store.write(LOG, log.read_bytes())
