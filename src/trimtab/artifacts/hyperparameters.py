"""What ``tune`` finds: ``hyperparameters.json``, and the trials of the search."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from trimtab.artifacts.store import ContentStore
from trimtab.errors import ArtifactError
from trimtab.storage.artifact import Draft

KIND, FILE = "hyperparameters", "hyperparameters.json"


class Hyperparameters(BaseModel):
    """Values by name, as the model's builder and the optimizer take them; none where nothing was searched."""

    model: dict[str, Any] = {}
    optimizer: dict[str, Any] = {}


class Trial(BaseModel):
    """One trial of a search.

    Attributes:
        score: None where it failed.
        reason: Why it failed.
    """

    trial: str
    values: dict[str, Any] = {}
    score: float | None = None
    reason: str = ""
    seconds: float = 0.0


class TuneSummary(BaseModel):
    """What the report shows of ``tune``.

    Attributes:
        skipped: Whether there was nothing to search.
        champion: The version that the values were taken from.
        objective: What the trials were judged by.
        score: The objective of the best trial.
    """

    skipped: bool = False
    champion: int | None = None
    objective: str = ""
    score: float | None = None
    best: Hyperparameters = Hyperparameters()
    trials: list[Trial] = []


def write(draft: Draft, values: Hyperparameters, summary: TuneSummary) -> None:
    """Fills an entry."""
    (draft.path / FILE).write_text(values.model_dump_json(indent=2) + "\n")
    draft.summary = summary


def read(store: ContentStore, ref: str) -> Hyperparameters:
    """Returns the values of an entry.

    Raises:
        ArtifactError: If it is not whole, or holds something else.
    """
    file = store.open(ref, [FILE]).path / FILE
    try:
        return Hyperparameters.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ArtifactError(f"no usable hyper-parameters: {error}", path=str(file)) from error
