"""All that TensorBoard shows of a run's outcome, below ``tensorboard/review`` of its directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from trimtab.artifacts.record import StageRecord
from trimtab.report.result import Result
from trimtab.report.tensorboard.candidates import write_candidates
from trimtab.report.tensorboard.curves import write_curves
from trimtab.report.tensorboard.outcome import write_pictures
from trimtab.report.tensorboard.text import write_texts
from trimtab.storage.mirror import mirror
from trimtab.storage.store import open_store

LOGS, REVIEW = "tensorboard", "tensorboard/review"


def write_review(
    run_uri: str,
    result: Result,
    records: Sequence[StageRecord] = (),
    more: Callable[[Path], None] | None = None,
) -> None:
    """Writes it; what an earlier report wrote is replaced.

    Args:
        run_uri: The URI of the run's directory.
        result: The outcome of the run.
        records: What the tasks left.
        more: Writes what takes more than the outcome, into the review's directory.

    Raises:
        ConfigError: If the run's directory cannot be accessed.
        StorageError: If it cannot be reached.
        ArtifactError: If what an earlier report wrote arrives damaged again and again.
    """
    base = run_uri.rstrip("/")
    with mirror(f"{base}/{REVIEW}") as logs:
        earlier = [path for path in logs.directory.rglob("*") if path.is_file()]
        write_texts(logs.directory, result)
        write_candidates(logs.directory, result)
        write_pictures(logs.directory, result)
        write_curves(logs.directory, records, open_store(f"{base}/{LOGS}"))
        for old in earlier:
            old.unlink()
        if more is not None:
            more(logs.directory)
