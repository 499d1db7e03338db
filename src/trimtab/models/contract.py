"""What every model must be before trimtab trains or compresses it."""

from __future__ import annotations

import keras
import numpy as np

from trimtab.errors import ModelError
from trimtab.models.spec import InputSpec, ModelSpec
from trimtab.models.tensors import apply, input_names
from trimtab.tasks.registry import task

_PROBE_EXAMPLES = 3


def check(model: keras.Model, spec: ModelSpec, source: str) -> None:
    """Checks that a model takes this data and answers in the form that the task needs.

    Args:
        model: A functional model.
        spec: What the data looks like.
        source: Where the model comes from, for messages.

    Raises:
        ModelError: If it has other inputs than the data, or several outputs, if a shape does not match the
            data, or if what it returns for random examples is not finite or not what the task needs.
    """
    if len(model.outputs) != 1:
        raise ModelError(f"expected exactly one output, it has {len(model.outputs)}", field=source)
    _check_inputs(model, spec, source)
    _check_shape("output", model.outputs[0].shape, (spec.outputs,), source, task(spec.task).words.output)
    _check_probe(model, spec, source)


def _check_inputs(model: keras.Model, spec: ModelSpec, source: str) -> None:
    names = input_names(model)
    if len(names) != len(spec.inputs):
        expected = "exactly one input" if len(spec.inputs) == 1 else f"the inputs {', '.join(spec.inputs)}"
        hint = None if len(spec.inputs) > 1 else "Of several, data.inputs says what each is made of."
        raise ModelError(f"expected {expected}, it has {len(names)}", field=source, hint=hint)
    if set(names) != set(spec.inputs):
        raise ModelError(
            f"expected the inputs {', '.join(spec.inputs)}, it has {', '.join(names)}",
            field=source,
            hint='They are those of data.inputs: name each, as in keras.Input(shape, name="…").',
        )
    for name, tensor in zip(names, model.inputs, strict=True):
        role = "input" if len(names) == 1 else f"input {name}"
        _check_shape(role, tensor.shape, spec.inputs[name].shape, source, "One example of the data")


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
    y = np.asarray(keras.ops.convert_to_numpy(apply(model, _probe(model, spec))[0]), np.float64)
    if not np.isfinite(y).all():
        raise ModelError("its output for random examples is not finite", field=source)
    if objection := task(spec.task).learning.objection(y):
        message, hint = objection
        raise ModelError(message, field=source, hint=hint)


def _probe(model: keras.Model, spec: ModelSpec) -> list[np.ndarray]:
    """Returns a few random examples in the form that the model takes, for each of its inputs."""
    generator = np.random.default_rng(0)
    return [_random(spec.inputs[name], generator) for name in input_names(model)]


def _random(spec: InputSpec, generator: np.random.Generator) -> np.ndarray:
    shape = (_PROBE_EXAMPLES, *spec.shape)
    if spec.dtype == "int32":
        return generator.integers(0, spec.vocabulary_size or 2, shape).astype(spec.dtype)
    return generator.random(shape).astype(spec.dtype)
