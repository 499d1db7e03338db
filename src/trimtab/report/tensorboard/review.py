"""All that TensorBoard shows of a run's outcome, below ``tensorboard/review`` of its directory."""

from __future__ import annotations

from trimtab.report.result import Result
from trimtab.report.tensorboard.candidates import write_candidates
from trimtab.report.tensorboard.text import write_texts
from trimtab.storage.mirror import mirror

REVIEW = "tensorboard/review"


def write_review(run: str, result: Result) -> None:
    """Writes what the outcome alone tells; an earlier report's is replaced.

    Args:
        run: The URI of the run's directory.
        result: The outcome of the run.

    Raises:
        ConfigError: If the run's directory cannot be accessed.
        StorageError: If it cannot be reached.
        ArtifactError: If what an earlier report wrote arrives damaged again and again.
    """
    with mirror(f"{run.rstrip('/')}/{REVIEW}") as logs:
        earlier = list(logs.directory.rglob("*tfevents*"))
        write_texts(logs.directory, result)
        write_candidates(logs.directory, result)
        for old in earlier:
            old.unlink(missing_ok=True)
