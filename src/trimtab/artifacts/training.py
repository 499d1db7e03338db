"""What a deployed version was trained from and with: what retraining on new data and exporting need.

It is an artifact of its own beside the deployment, because it is larger than what serving needs, and serving
never reads it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trimtab.data.dataset.dataset import SCHEMA_FILE, STATISTICS_FILE, Dataset
from trimtab.errors import ArtifactError
from trimtab.storage import artifact

KIND = "training"
MODEL_FILE, COMPRESSED_FILE, RECORD_FILE = "model.keras", "compressed.keras", "training.json"


class TrainingRecord(BaseModel):
    """``training.json``: where a version came from.

    Attributes:
        fingerprint: The dataset's: the content of the source, whatever the order of its rows.
        sources: Checksums of the source's files by name, by split.
        rows: Examples by split.
        content_rows: Rows of the source by split, those among them that could not be used.
        recipe: The chain with all parameters; of older versions ``{"prune": {...}, "quantize": {...}}``.
        candidate: The candidate's id.
        hyperparameters: ``{"model": {...}, "optimizer": {...}}``, as they were used.
        data: The config's ``data`` section.
    """

    fingerprint: str
    sources: dict[str, dict[str, str]] = {}
    rows: dict[str, int]
    content_rows: dict[str, int] = {}
    recipe: list[dict[str, Any]] | dict[str, Any]
    candidate: str
    hyperparameters: dict[str, dict[str, Any]]
    data: dict[str, Any]


def write(
    path: Path,
    record: TrainingRecord,
    dataset: Dataset,
    model: artifact.Artifact,
    compressed: artifact.Artifact,
) -> artifact.Artifact:
    """Writes a ``training`` artifact.

    Args:
        path: Its directory.
        record: What to know of it.
        dataset: The dataset, for its schema and statistics.
        model: The trained ``model`` artifact, before pruning: retraining starts from its weights.
        compressed: The ``model`` artifact that the deployed candidate was made from: what is exported.
    """
    with artifact.create(path, KIND) as draft:
        shutil.copyfile(model.path / MODEL_FILE, draft.path / MODEL_FILE)
        shutil.copyfile(compressed.path / MODEL_FILE, draft.path / COMPRESSED_FILE)
        for name in (SCHEMA_FILE, STATISTICS_FILE):
            shutil.copyfile(dataset.path / name, draft.path / name)
        (draft.path / RECORD_FILE).write_text(record.model_dump_json(indent=2) + "\n")
        draft.counts = dict(dataset.rows)
        draft.lineage = {
            "dataset": dataset.fingerprint,
            "model": model.digest,
            "compressed": compressed.digest,
            "candidate": record.candidate,
        }
    return artifact.load(path, KIND)


def read(training: artifact.Artifact) -> TrainingRecord:
    """Returns the record of a ``training`` artifact.

    Raises:
        ArtifactError: If another version of trimtab wrote it.
    """
    file = training.path / RECORD_FILE
    try:
        return TrainingRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError("the training record is of another version of trimtab", path=str(file)) from error
