"""What a deployed model's outputs say: labels with probabilities, or values in the label's unit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trimtab.data.schema import DatasetSchema
from trimtab.deploy.repository import SCHEMA_FILE
from trimtab.errors import ArtifactError
from trimtab.storage.artifact import Artifact
from trimtab.tasks.of_labels import meant

NO_NUMBER = "the model's answer is no number: something in it is too far from what the model was trained on"


def schema_of(deployment: Artifact, location: str) -> DatasetSchema:
    """Returns the schema of a deployed version.

    Args:
        deployment: Its verified local copy.
        location: Where it lies, for the message.

    Raises:
        ArtifactError: If another version of trimtab wrote it.
    """
    try:
        return DatasetSchema.model_validate_json((deployment.path / SCHEMA_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError("the schema is of another version of trimtab", path=location) from error


def row_without_number(outputs: NDArray[np.float32]) -> int | None:
    """Returns the first row of a model's outputs that are not all numbers, or None.

    Args:
        outputs: The model's outputs, ``(n, outputs)``.
    """
    return None if all_finite(outputs) else int(np.isfinite(outputs).all(axis=1).argmin())


def all_finite(values: NDArray[np.float32]) -> bool:
    """Returns whether all are numbers. A finite sum of squares says so in a third of the time."""
    return math.isfinite(np.vdot(values, values)) or bool(np.isfinite(values).all())


def answers(schema: DatasetSchema, inputs: Any, outputs: NDArray[np.float32]) -> Iterator[dict[str, Any]]:
    """Returns what the task answers for every row, such as ``label`` and ``probabilities`` by class.

    Args:
        schema: The schema of the model.
        inputs: Model-ready examples, as ``batch.fed`` gives them.
        outputs: The model's outputs, ``(n, outputs)``.
    """
    judged = meant(schema)
    return judged.words.answers(judged.judging.answers(inputs, outputs), schema)
