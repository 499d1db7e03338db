"""What a model of others takes, held against the data."""

from __future__ import annotations

from pathlib import Path

from trimtab.errors import ModelError

BYTES = (0.0, 255.0)
"""What unsigned 8-bit integers stand for, where nothing else is said."""

Shape = tuple[int | None, ...]


def require_one_each(inputs: int, outputs: int, source: Path) -> None:
    """Returns if a model takes one tensor and answers with one.

    Args:
        inputs: How many it takes.
        outputs: How many it answers with.
        source: The model's file, for messages.

    Raises:
        ModelError: If not.
    """
    if (inputs, outputs) != (1, 1):
        raise ModelError(f"expected one input and one output, found {inputs} and {outputs}", path=str(source))


def channels_first(model_shape: Shape, shape: tuple[int, ...], source: Path) -> tuple[int, ...] | None:
    """Returns the order of the data's axes that a model takes; None: the data's own.

    Args:
        model_shape: The shape that the model takes, without the batch axis; None where a dimension is open.
        shape: That of one example of the data, with the channels last.
        source: The model's file, for messages.

    Raises:
        ModelError: If the model takes neither the data's shape nor the one with the channels first.
    """
    if _fits(model_shape, shape):
        return None
    if len(shape) > 1 and _fits(model_shape, (shape[-1], *shape[:-1])):
        return (len(shape) - 1, *range(len(shape) - 1))
    raise ModelError(
        f"expected the input shape (batch, {', '.join(map(str, shape))}), "
        f"found (batch, {', '.join(str(size or 'any') for size in model_shape)})",
        path=str(source),
        hint=f"One example of the data has the shape {shape}; data.image sets the size of images.",
    )


def _fits(model_shape: Shape, shape: tuple[int, ...]) -> bool:
    return len(model_shape) == len(shape) and all(
        f in (None, s) for f, s in zip(model_shape, shape, strict=True)
    )
