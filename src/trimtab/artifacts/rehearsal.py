"""What came of a rehearsal: the candidates that cannot be made of an untrained model, and why."""

from __future__ import annotations

from pydantic import BaseModel

from trimtab.artifacts.store import ContentStore

KIND = "rehearsal"


class Rehearsal(BaseModel):
    """What cannot be made, whatever the model learns.

    Attributes:
        branches: Why a branch's steps cannot be applied, by branch.
        candidates: Why a branch's model cannot be made the files of a runtime, by candidate.
        tried: The candidates that were tried; others are of the same kinds as these.
    """

    branches: dict[str, str] = {}
    candidates: dict[str, str] = {}
    tried: list[str] = []

    def reason(self, candidate: str, branch: str) -> str:
        """Returns why a candidate of a branch cannot be made; empty where it is not known to fail."""
        return self.branches.get(branch, "") or self.candidates.get(candidate, "")


def read(store: ContentStore, ref: str) -> Rehearsal:
    """Returns what came of a rehearsal; of one that was not held, that nothing is known to fail."""
    manifest = store.find(ref, uses=False)
    return Rehearsal() if manifest is None else Rehearsal.model_validate(manifest.summary)
