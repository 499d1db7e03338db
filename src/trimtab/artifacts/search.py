"""What ``recipes: auto`` tried, and what it chose: the record of the search, and its journal.

    <run>/search/<key>.json   what is known of one thing that was tried
    <run>/stages/search.json  all of it, and the recipes by which the run goes on

Latencies are measured, so all this is of the run. Models and files that were made are in the content store.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, ValidationError

from trimtab.artifacts.store import reference
from trimtab.storage.store import open_store

STAGE = "search"


class Measured(BaseModel):
    """What is known of a chain, on validation rows and by its files.

    Attributes:
        ended: Whether it was tried to the end: a process may have been killed at it.
        reason: Why it cannot be made; empty: it can.
        strain: The loss of quality, as a share of the limit that it is nearest to: at most 1 is within.
        doubt: How much more that may be, at the confidence of the budget; of the same unit.
        loss: The loss in the unit of that limit.
        size_bytes: Of its files.
        gzip_bytes: Of its files after gzip.
        latency_ms: Median of one example, measured in turns with the baseline.
        speed: The baseline's median over its own, in the same turns.
        seconds: That it took to be judged.
    """

    ended: bool = True
    reason: str = ""
    strain: float = 0.0
    doubt: float = 0.0
    loss: float = 0.0
    size_bytes: int = 0
    gzip_bytes: int = 0
    latency_ms: float = 0.0
    speed: float = 1.0
    seconds: float = 0.0


class Tried(BaseModel):
    """One thing that the search tried."""

    candidate: str = Field(description="Its id.")
    recipe: list[dict[str, Any]] = Field(description="The chain with all parameters, and its runtime.")
    tuned: bool = Field(description="Whether it was fine-tuned; else its passes were applied without.")
    epochs: int = Field(description="Epochs of fine-tuning that it asks for.")
    strain: float | None = Field(
        None,
        description="Its loss of quality on validation rows, as a share of the limit that it is nearest to; "
        "up to 1 is within.",
    )
    size_bytes: int | None = Field(None, description="Bytes, as `budget.size` counts them.")
    latency_ms: float | None = Field(
        None, description="Median of one example, in short turns with the baseline; `select` measures again."
    )
    speedup: float | None = Field(None, description="The baseline's latency over its own, in these turns.")
    cost: float | None = Field(
        None, description="By the objective, over the baseline's; `balanced`: the geometric mean of both."
    )
    chosen: bool = Field(False, description="Whether it is a candidate of the run.")
    reason: str = Field("", description="Why not; empty where it is one.")


class SearchSummary(BaseModel):
    """What `recipes: auto` did, and by which recipes the run went on."""

    model: str = Field("", description="The reference of the trained model.")
    recipes: list[list[dict[str, Any]]] = Field([], description="What it chose, as `recipes` takes it.")
    tried: list[Tried] = Field([], description="All that it tried, in order.")
    left_out: dict[str, str] = Field({}, description="Passes and quantizations that it did not try, and why.")
    epochs: int = Field(0, description="Epochs of fine-tuning, of all that it tried.")
    max_epochs: int = Field(0, description="How many it might have taken.")
    rows: int = Field(0, description="Validation rows that guided it.")
    stopped: str = Field("", description="Why it ended.")


def key(**question: Any) -> str:
    """Returns the name in the journal of what is known of a question: all that the answer depends on."""
    return reference(STAGE, **question).partition("/")[2]


def write(run_uri: str, name: str, measured: Measured) -> None:
    """Takes something down in the journal of a run.

    Args:
        run_uri: The URI of the run's directory.
        name: As ``key`` returns it.
        measured: What is known by now.
    """
    open_store(run_uri).write(_file(name), measured.model_dump_json().encode())


def read(run_uri: str, name: str) -> Measured | None:
    """Returns what the journal of a run has of something; None: nothing, or nothing that can be read."""
    content = open_store(run_uri).read(_file(name))
    try:
        return Measured.model_validate_json(content) if content else None
    except ValidationError:
        return None


def _file(name: str) -> str:
    return f"{STAGE}/{name}.json"
