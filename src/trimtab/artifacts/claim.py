"""The claim of a version that is deployed: its proof, with every example's answers that it rests on.

    proof.json   what was claimed: the proof, the limits as the config had them, who was chosen
    proof.npz    of the test rows: labels, groups, slices, folds; of each candidate tested: scores, answers

Both lie in the version, so that its manifest covers them: what they say can be computed again by anybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from trimtab.artifacts.evaluation import Drop, Examples
from trimtab.artifacts.proof import Proof
from trimtab.errors import ArtifactError

CLAIM_FILE, ROWS_FILE = "proof.json", "proof.npz"
FILES = (CLAIM_FILE, ROWS_FILE)


class Claim(BaseModel):
    """``proof.json``."""

    task: str = Field(description="What the labels mean.")
    chosen: str = Field(description="The candidate that is deployed.")
    drop: Drop | None = Field(description="Its loss, with the limit as if it were alone.")
    proof: Proof = Field(description="What was proven, as in the verdict.")
    budget: dict[str, Any] = Field(description="The limits as the tests were made by them.")
    thresholds: dict[str, list[float]] = Field(description="By candidate, the baseline first.")


@dataclass(frozen=True)
class Rows:
    """``proof.npz``.

    Attributes:
        labels: As the task encodes them, ``(n,)`` or ``(n, labels)``.
        groups: The group of each row, ``(n,)``; None: each is its own.
        slices: Columns that slices are made by, as text, ``(n,)`` each.
        examples: By candidate, what it scored and answered.
        folds: The fold of each row, from 1, ``(n,)``; None: there are none.
    """

    labels: NDArray[Any]
    groups: NDArray[np.int64] | None
    slices: Mapping[str, list[str | None]]
    examples: Mapping[str, Examples]
    folds: NDArray[np.int64] | None = None


def write(directory: Path, claim: Claim, rows: Rows) -> None:
    """Writes both files."""
    arrays: dict[str, NDArray[Any]] = {"labels": rows.labels}
    if rows.groups is not None:
        arrays["groups"] = rows.groups
    if rows.folds is not None:
        arrays["folds"] = rows.folds
    for name, values in rows.slices.items():
        arrays[f"slice/{name}"] = np.frombuffer(json.dumps(values).encode(), np.uint8)
    for place, name in enumerate(claim.thresholds):
        arrays[f"scores/{place}"] = rows.examples[name].scores
        arrays[f"answers/{place}"] = rows.examples[name].answers
    with (directory / ROWS_FILE).open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stub takes them for flags
    (directory / CLAIM_FILE).write_text(claim.model_dump_json(indent=2) + "\n")


def read(directory: Path, where: str) -> tuple[Claim, Rows]:
    """Returns both.

    Args:
        directory: A local copy of the version.
        where: Where the version is, for the message.

    Raises:
        ArtifactError: If the version has none, as one of an earlier trimtab, or if they cannot be read.
    """
    if not all((directory / name).is_file() for name in FILES):
        raise ArtifactError("its proof was not stored", path=where, hint="Deploy the model again.")
    try:
        claim = Claim.model_validate_json((directory / CLAIM_FILE).read_bytes())
        with np.load(directory / ROWS_FILE, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        examples = {
            name: Examples(arrays[f"scores/{place}"], arrays[f"answers/{place}"])
            for place, name in enumerate(claim.thresholds)
        }
        slices = {
            name.removeprefix("slice/"): json.loads(content.tobytes())
            for name, content in arrays.items()
            if name.startswith("slice/")
        }
        return claim, Rows(arrays["labels"], arrays.get("groups"), slices, examples, arrays.get("folds"))
    except (ValidationError, ValueError, KeyError, OSError) as error:
        raise ArtifactError(f"its proof cannot be read: {error}", path=where) from error
