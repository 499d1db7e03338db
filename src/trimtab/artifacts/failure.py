"""Why something cannot be made, however often it is tried: kept under the key that it would have."""

from __future__ import annotations

from pydantic import BaseModel

from trimtab.artifacts.store import ContentStore

KIND = "failure"


class Failure(BaseModel):
    """Why.

    Attributes:
        reason: For people.
    """

    reason: str


def reference(ref: str) -> str:
    """Returns the reference of the failure to make what ``ref`` names."""
    return f"{KIND}/{ref.replace('/', '-')}"


def write(store: ContentStore, ref: str, reason: str) -> None:
    """Remembers that something cannot be made."""
    with store.create(reference(ref)) as draft:
        draft.summary = Failure(reason=reason)


def read(store: ContentStore, ref: str) -> Failure | None:
    """Returns why something cannot be made, or None if that is not known."""
    manifest = store.find(reference(ref), uses=False)
    return None if manifest is None else Failure.model_validate(manifest.summary)
