"""Examples on their way: a mapping of names to arrays, from the records to the model and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Batch = Mapping[str, NDArray[Any]]
"""Examples by the name of the input or output: ``(batch, *shape)`` each, the batch the same in all."""

INPUT, OUTPUT = "input", "output"
"""What a model's only input and its only output are called, whatever its file calls them."""


def rows(batch: Batch) -> int:
    """Returns how many examples a batch has."""
    return len(next(iter(batch.values())))


def take(batch: Batch, start: int, stop: int) -> dict[str, NDArray[Any]]:
    """Returns the examples from ``start`` up to ``stop``; nothing is copied."""
    return {name: values[start:stop] for name, values in batch.items()}


def joined(batches: list[Batch]) -> dict[str, NDArray[Any]]:
    """Returns the examples of several batches in order."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def answered(outputs: Batch, names: Sequence[str]) -> NDArray[Any]:
    """Returns what a model answers as one array, ``(n, outputs)``: several outputs stand side by side.

    Args:
        outputs: By name, ``(n, width)`` each.
        names: The outputs, in the order of the answer.
    """
    return outputs[names[0]] if len(names) == 1 else np.concatenate([outputs[name] for name in names], axis=1)


def side_by_side(answers: Any) -> NDArray[Any]:
    """Returns what a Keras model answers as one array, ``(n, outputs)``, of all its outputs."""
    if not isinstance(answers, list | tuple):
        return np.asarray(answers)
    return np.concatenate([np.asarray(each) for each in answers], axis=1)


def fed(batch: Batch) -> Any:
    """Returns what a Keras model is called with: the array of its only input, or those of all by name."""
    return next(iter(batch.values())) if len(batch) == 1 else dict(batch)


def in_parts(examples: Any, size: int) -> Iterator[Any]:
    """Yields examples in order, at most so many at a time.

    Args:
        examples: As ``fed`` returns them, ``(n, *shape)`` each; or a tuple of labels, one an output.
        size: How many.
    """
    for start in range(0, examples_in(examples), size):
        if isinstance(examples, Mapping):
            yield take(examples, start, start + size)
        elif isinstance(examples, tuple):
            yield tuple(each[start : start + size] for each in examples)
        else:
            yield examples[start : start + size]


def examples_in(examples: Any) -> int:
    """Returns how many examples there are, as ``fed`` returns them, or labels of several outputs."""
    if isinstance(examples, tuple):
        return len(examples[0])
    return rows(examples) if isinstance(examples, Mapping) else len(examples)
