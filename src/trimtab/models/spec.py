"""What a model builder is told about the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSpec:
    """The contract between data and model.

    A model takes one tensor of ``(batch, *input_shape)`` and returns ``(batch, outputs)``: softmax
    probabilities for classification, one standardized value for regression; see the task's ``learning``.

    Attributes:
        kind: The kind of input, a name of ``registry.INPUTS``.
        like: Kinds whose architectures take these tensors, too.
        task: A name of ``registry.TASKS``.
        input_shape: Of one example.
        input_dtype: ``int32`` for tokens, else ``float32``.
        outputs: Width of the output.
        vocabulary_size: Token numbers are below it; None where the input is not tokens.
    """

    kind: str
    task: str
    input_shape: tuple[int, ...]
    input_dtype: str
    outputs: int
    vocabulary_size: int | None = None
    like: tuple[str, ...] = ()
