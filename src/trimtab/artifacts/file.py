"""A candidate's files: a Keras model as the files of a runtime."""

from __future__ import annotations

from pydantic import BaseModel

from trimtab.artifacts.evaluation import Cost
from trimtab.artifacts.inside import GraphSize
from trimtab.artifacts.model import Epoch

KIND = "file"


class FileLineage(BaseModel):
    """What the files were made from.

    Attributes:
        dataset: The reference of the dataset that calibrated or trained them.
        model: The reference of the Keras model.
    """

    dataset: str
    model: str


class FileSummary(BaseModel):
    """What is known of the files.

    Attributes:
        runtime: What runs them; it knows their names.
        size_bytes: Their bytes together.
        ranges: How the ranges of 8-bit activations were chosen; None where there are none.
        max_difference: The largest difference of their outputs from the Keras model's.
        cost: Counted on the Keras model.
        graph: How many operators that is; None where it was not looked at, or cannot be told.
        history: Every epoch of a quantization-aware training.
    """

    runtime: str
    size_bytes: int
    max_difference: float
    ranges: str | None = None
    cost: Cost
    graph: GraphSize | None = None
    history: list[Epoch] = []
