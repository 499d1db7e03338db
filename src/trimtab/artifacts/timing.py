"""How long models take for an example, measured in turns: what a pass chooses by, and never what ships.

It hangs on architectures, not on weights: a table of widths is measured once a processor.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from trimtab.artifacts.store import ContentStore

KIND = "timing"


class Timing(BaseModel):
    """Latencies of models that took turns.

    Attributes:
        milliseconds: The median of each model, in the order in which they were asked for.
        rounds: Turns that each one had.
    """

    milliseconds: list[float]
    rounds: int


def write(store: ContentStore, ref: str, milliseconds: Sequence[float], rounds: int) -> None:
    """Keeps what was measured."""
    with store.create(ref) as draft:
        draft.summary = Timing(milliseconds=list(milliseconds), rounds=rounds)


def read(store: ContentStore, ref: str) -> Timing | None:
    """Returns what was measured, or None if it is to be."""
    manifest = store.find(ref)
    return None if manifest is None else Timing.model_validate(manifest.summary)
