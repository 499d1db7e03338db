"""What every model must be before trimtab trains or compresses it."""

from __future__ import annotations

import keras
import numpy as np

from trimtab.errors import ModelError
from trimtab.models.spec import ModelSpec

_PROBE_EXAMPLES = 3


def check(model: keras.Model, spec: ModelSpec, source: str) -> None:
    """Checks that a model takes this data and answers in the form that the task needs.

    Args:
        model: A functional model.
        spec: What the data looks like.
        source: Where the model comes from, for messages.

    Raises:
        ModelError: If it has more than one input or output, if a shape does not match the data, or if what it
            returns for random examples is not finite or, for classification, not probabilities.
    """
    for role, tensors in (("input", model.inputs), ("output", model.outputs)):
        if len(tensors) != 1:
            raise ModelError(f"expected exactly one {role}, it has {len(tensors)}", field=source)
    _check_shape("input", model.inputs[0].shape, spec.input_shape, source, "One example of the data")
    _check_shape("output", model.outputs[0].shape, (spec.outputs,), source, _meaning(spec))
    _check_probe(model, spec, source)


def _check_shape(
    role: str, batched: tuple[int | None, ...], expected: tuple[int, ...], source: str, meaning: str
) -> None:
    found = tuple(batched[1:])
    same = len(found) == len(expected) and all(f in (None, e) for f, e in zip(found, expected, strict=True))
    if not same:
        raise ModelError(
            f"expected the {role} shape (batch, {', '.join(map(str, expected))}), "
            f"found (batch, {', '.join(map(str, found))})",
            field=source,
            hint=f"{meaning}, has the shape {expected}.",
        )


def _meaning(spec: ModelSpec) -> str:
    return (
        "The output, one softmax probability for each class of the labels or of model.classes"
        if spec.task == "classification"
        else "The predicted value"
    )


def _check_probe(model: keras.Model, spec: ModelSpec, source: str) -> None:
    y = np.asarray(keras.ops.convert_to_numpy(model(_probe(spec), training=False)), np.float64)
    if not np.isfinite(y).all():
        raise ModelError("its output for random examples is not finite", field=source)
    if spec.task == "classification" and (y.min() < -1e-6 or np.abs(y.sum(axis=-1) - 1).max() > 1e-2):
        raise ModelError(
            f"expected probabilities that sum to 1, its outputs sum to {y.sum(axis=-1)[0]:.3g}",
            field=source,
            hint="End the model with a softmax layer.",
        )


def _probe(spec: ModelSpec) -> np.ndarray:
    """Returns a few random examples in the form that the model takes."""
    generator = np.random.default_rng(0)
    shape = (_PROBE_EXAMPLES, *spec.input_shape)
    if spec.kind == "text":
        return generator.integers(0, spec.vocabulary_size or 2, shape).astype(spec.input_dtype)
    return generator.random(shape).astype(spec.input_dtype)
