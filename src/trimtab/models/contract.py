"""What every model must be before trimtab trains or compresses it."""

from __future__ import annotations

import keras
import numpy as np

from trimtab.errors import ModelError
from trimtab.models.spec import ModelSpec
from trimtab.tasks.registry import task

_PROBE_EXAMPLES = 3


def check(model: keras.Model, spec: ModelSpec, source: str) -> None:
    """Checks that a model takes this data and answers in the form that the task needs.

    Args:
        model: A functional model.
        spec: What the data looks like.
        source: Where the model comes from, for messages.

    Raises:
        ModelError: If it has more than one input or output, if a shape does not match the data, or if what it
            returns for random examples is not finite or not what the task needs.
    """
    for role, tensors in (("input", model.inputs), ("output", model.outputs)):
        if len(tensors) != 1:
            raise ModelError(f"expected exactly one {role}, it has {len(tensors)}", field=source)
    _check_shape("input", model.inputs[0].shape, spec.input_shape, source, "One example of the data")
    _check_shape("output", model.outputs[0].shape, (spec.outputs,), source, task(spec.task).words.output)
    _check_probe(model, spec, source)


def _check_shape(
    role: str, batched: tuple[int | None, ...], expected: tuple[int, ...], source: str, meaning: str
) -> None:
    shape = tuple(batched[1:])
    same = len(shape) == len(expected) and all(f in (None, e) for f, e in zip(shape, expected, strict=True))
    if not same:
        raise ModelError(
            f"expected the {role} shape (batch, {', '.join(map(str, expected))}), "
            f"found (batch, {', '.join(map(str, shape))})",
            field=source,
            hint=f"{meaning}, has the shape {expected}.",
        )


def _check_probe(model: keras.Model, spec: ModelSpec, source: str) -> None:
    y = np.asarray(keras.ops.convert_to_numpy(model(_probe(spec), training=False)), np.float64)
    if not np.isfinite(y).all():
        raise ModelError("its output for random examples is not finite", field=source)
    if objection := task(spec.task).learning.objection(y):
        message, hint = objection
        raise ModelError(message, field=source, hint=hint)


def _probe(spec: ModelSpec) -> np.ndarray:
    """Returns a few random examples in the form that the model takes."""
    generator = np.random.default_rng(0)
    shape = (_PROBE_EXAMPLES, *spec.input_shape)
    if spec.input_dtype == "int32":
        return generator.integers(0, spec.vocabulary_size or 2, shape).astype(spec.input_dtype)
    return generator.random(shape).astype(spec.input_dtype)
