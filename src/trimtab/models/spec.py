"""What a model builder is told about the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelSpec:
    """The contract between data and model.

    A model takes one tensor of ``(batch, *input_shape)`` and returns ``(batch, outputs)``: softmax
    probabilities for classification, one standardized value for regression; see the task's ``learning``.
    """

    kind: Literal["tabular", "image", "audio", "text"]
    task: str
    input_shape: tuple[int, ...]
    input_dtype: str
    outputs: int
    vocabulary_size: int | None = None
