"""What a model takes, held against what it is given."""

from __future__ import annotations

from pathlib import Path

from trimtab.batch import Batch, rows
from trimtab.errors import ModelError
from trimtab.runtimes.base import TensorInfo


def check_batch(batch: Batch, inputs: tuple[TensorInfo, ...], at_a_time: int, path: Path) -> None:
    """Checks examples before a model gets them.

    Args:
        batch: Examples, ``(n, *shape)`` each.
        inputs: What the model takes.
        at_a_time: How many examples it takes at a time.
        path: The model's file, for messages.

    Raises:
        ModelError: If an input is missing, if a shape or a type is another, or if ``n`` is no multiple.
    """
    for tensor in inputs:
        values = batch.get(tensor.name)
        if values is None:
            raise ModelError(f"expected the input {tensor.name!r}, found {sorted(batch)}", path=str(path))
        if values.shape[1:] != tensor.shape or values.dtype != tensor.dtype:
            raise ModelError(
                f"expected examples of shape {tensor.shape} and type {tensor.dtype}, "
                f"found {values.shape[1:]} and {values.dtype}",
                path=str(path),
                field=tensor.name,
            )
    if rows(batch) % at_a_time:
        raise ModelError(f"expected {at_a_time} examples at a time, found {rows(batch)}", path=str(path))


def check_types(inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], path: Path) -> None:
    """Checks that a model takes float32 or int32 and gives float32, whatever is inside.

    Raises:
        ModelError: If it does not.
    """
    wrong = [f"{tensor.dtype} in" for tensor in inputs if tensor.dtype.name not in ("float32", "int32")]
    wrong += [f"{tensor.dtype} out" for tensor in outputs if tensor.dtype.name != "float32"]
    if wrong:
        raise ModelError(
            f"expected float32 (or int32 tokens) in and float32 out, found {', '.join(wrong)}", path=str(path)
        )
