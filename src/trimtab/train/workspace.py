"""The directories that a stage trains in: checkpoints and TensorBoard's logs, both published to the run's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trimtab import preemption, progress
from trimtab.errors import StorageError
from trimtab.storage.mirror import mirror

LOGS_EVERY_SECONDS = 10.0


@dataclass(frozen=True)
class Workspace:
    """Local directories of one training, or of one search.

    Attributes:
        checkpoints: What is needed to go on after a kill.
        logs: TensorBoard's logs.
        publish: Makes the checkpoints as they are outlive this machine.
    """

    checkpoints: Path
    logs: Path
    publish: Callable[[], None] = lambda: None


@contextlib.contextmanager
def workspace(run_uri: str, stage: str, item: str = "") -> Iterator[Workspace]:
    """Yields the directories of a stage; of a run in Cloud Storage, they hold what is there, and go there.

    Logs go there every few seconds, while the block runs. A checkpoint that cannot be published does not end
    the training: the next one, or the end of the block, publishes it.

    Args:
        run_uri: The URI of the run's directory.
        stage: The stage's name.
        item: The recipe or candidate that the stage works on.

    Yields:
        The directories.

    Raises:
        ConfigError: If the run's directory cannot be accessed.
        StorageError: If it cannot be reached when the block begins or ends.
        ArtifactError: If what is there arrives damaged again and again.
    """
    below = run_uri.rstrip("/")
    name, label = f"{stage}.{item}".rstrip("."), f"{stage} {item}".strip()
    with (
        mirror(f"{below}/checkpoints/{name}") as checkpoints,
        mirror(f"{below}/tensorboard/{stage}/{item}".rstrip("/"), every_seconds=LOGS_EVERY_SECONDS) as logs,
    ):

        def publish() -> None:
            try:
                checkpoints.sync(preemption.seconds_left())
            except StorageError as error:
                progress.say(label, f"the checkpoint is published later: {error.message}")

        yield Workspace(checkpoints.directory, logs.directory, publish)
