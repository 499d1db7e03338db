"""What every model must be before trimtab trains or compresses it."""

from __future__ import annotations

import keras
import numpy as np

from trimtab.errors import ModelError
from trimtab.models.spec import InputSpec, ModelSpec
from trimtab.models.tensors import apply, input_names, output_names
from trimtab.tasks.registry import task

_PROBE_EXAMPLES = 3


def check(model: keras.Model, spec: ModelSpec, source: str) -> None:
    """Checks that a model takes this data and answers in the form that the task needs.

    Args:
        model: A functional model.
        spec: What the data looks like.
        source: Where the model comes from, for messages.

    Raises:
        ModelError: If it has other inputs or outputs than the data, if a shape does not match the
            data, or if what it returns for random examples is not finite or not what the task needs.
    """
    _check_outputs(model, spec, source)
    _check_inputs(model, spec, source)
    for name, tensor in zip(output_names(model), model.outputs, strict=True):
        role = "output" if len(spec.answers) == 1 else f"output {name}"
        asked = spec.answers[name]
        _check_shape(role, tensor.shape, (asked.outputs,), source, task(asked.task).words.output)
    _check_probe(model, spec, source)


def _check_outputs(model: keras.Model, spec: ModelSpec, source: str) -> None:
    names, answers = output_names(model), spec.answers
    if len(names) != len(answers):
        expected = "exactly one output" if len(answers) == 1 else f"the outputs {', '.join(answers)}"
        hint = None
        if len(answers) == 1:
            hint = (
                "Of several, data.labels says what each of them learns; trimtab compress: --label for each."
            )
        has = f"it has {len(names)}: {', '.join(names)}"
        raise ModelError(f"expected {expected}, {has}", field=source, hint=hint)
    if set(names) != set(answers):
        raise ModelError(
            f"expected the outputs {', '.join(answers)}, it has {', '.join(names)}",
            field=source,
            hint="They are those of data.labels: name the layer that gives each, "
            'as in keras.layers.Dense(1, name="…").',
        )


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
    for name, values in zip(output_names(model), apply(model, _probe(model, spec)), strict=True):
        y = np.asarray(keras.ops.convert_to_numpy(values), np.float64)
        which = "" if len(spec.answers) == 1 else f"{name}: "
        if not np.isfinite(y).all():
            raise ModelError(f"{which}its output for random examples is not finite", field=source)
        if objection := task(spec.answers[name].task).learning.objection(y):
            message, hint = objection
            raise ModelError(f"{which}{message}", field=source, hint=hint)


def _probe(model: keras.Model, spec: ModelSpec) -> list[np.ndarray]:
    """Returns a few random examples in the form that the model takes, for each of its inputs."""
    generator = np.random.default_rng(0)
    return [_random(spec.inputs[name], generator) for name in input_names(model)]


def _random(spec: InputSpec, generator: np.random.Generator) -> np.ndarray:
    shape = (_PROBE_EXAMPLES, *spec.shape)
    if spec.dtype == "int32":
        return generator.integers(0, spec.vocabulary_size or 2, shape).astype(spec.dtype)
    return generator.random(shape).astype(spec.dtype)
