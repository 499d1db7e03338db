"""What a task made of its shard: a reference by name, or why there is none."""

from __future__ import annotations

from pydantic import BaseModel

from trimtab.artifacts.store import ContentStore
from trimtab.errors import ArtifactError

PRUNED, QUANTIZED, EVALUATED = "pruned", "quantized", "evaluated"


class Outcome(BaseModel):
    """What became of a branch or a candidate.

    Attributes:
        ref: The reference of what was made; empty where it could not be made, or was dropped.
        reason: Why there is none.
        folds: The references of what the other folds made, in their order; of evaluations none, ``ref`` is of
            all.
    """

    ref: str = ""
    reason: str = ""
    folds: list[str] = []

    @property
    def refs(self) -> list[str]:
        """Returns the references of all folds, the first of what ships."""
        return [self.ref, *self.folds]


class Outcomes(BaseModel):
    """``pruned``: models by branch. ``quantized``: files, ``evaluated``: evaluations, by candidate."""

    outcomes: dict[str, Outcome]


def write(store: ContentStore, kind: str, outcomes: dict[str, Outcome]) -> str:
    """Keeps the outcomes of a shard, and returns their reference."""
    return store.put(kind, Outcomes(outcomes=outcomes))


def read(store: ContentStore, kind: str, ref: str) -> dict[str, Outcome]:
    """Returns the outcomes of a shard.

    Raises:
        ArtifactError: If they are not there, or of another kind.
    """
    manifest = store.find(ref) if ref.startswith(f"{kind}/") else None
    if manifest is None:
        raise ArtifactError(f"expected what was {kind} of a shard", path=ref, hint="Run this again.")
    return Outcomes.model_validate(manifest.summary).outcomes
