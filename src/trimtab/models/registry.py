"""From the config's ``model`` section to a Keras 3 model."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras_tuner import HyperParameters

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models import archive, builder, inspect_config, params
from trimtab.models.contract import check
from trimtab.models.functional import as_functional, copy, in_float32, in_order
from trimtab.models.inlined import inlined
from trimtab.models.margins import without_margins
from trimtab.models.opened import opened
from trimtab.models.own import Own, custom_objects, own
from trimtab.models.spec import ModelSpec
from trimtab.models.subclassed import on_symbols
from trimtab.models.tensors import input_names
from trimtab.registry import ARCHITECTURES, module
from trimtab.storage.copies import local_copies
from trimtab.tasks.registry import task

_LONGEST_REASON = 300
_LAYERS_OF_KERAS = (
    "The stages after training load the model's file: make it of Keras' own layers, of keras.ops, and of "
    "classes at the top of the builder's module, whose get_config returns what their constructor takes."
)


def build(model: Model, spec: ModelSpec, hp: HyperParameters) -> keras.Model:
    """Builds an architecture or a preset, calls the user's builder, or loads an archive or its weights.

    Whatever the source, the result is flat (no nested models), has the inputs and outputs of the data, and
    was tried on a few examples. ``model.params`` fixes hyper-parameters: they are registered as fixed in
    ``hp``, so that a search leaves them alone.

    Args:
        model: The ``model`` section.
        spec: What the data looks like.
        hp: The values of the other hyper-parameters, or an empty set for the defaults. An archive has none.

    Returns:
        An uncompiled functional model.

    Raises:
        ConfigError: If ``model.params`` names a hyper-parameter that is not there, or gives a wrong value.
        ModelError: If the architecture does not fit the data, or if the user's model cannot be used.
    """
    if model.archive is not None and model.builder is None:
        params.check({}, model.params, f"the archive {model.archive}")
        return saved(model.archive, spec)
    if model.preset is not None:
        from trimtab.models.presets import build as presets

        built = presets.build(model, spec)
        check(built, spec, model.preset)
        return in_order(without_margins(built), list(spec.inputs), list(spec.answers))
    source = str(model.builder or model.architecture)
    function = builder.resolve(source, model.code) if model.builder else _built_in(source, spec)
    _check_params(model, function, source, spec)
    for name, value in model.params.items():
        hp.Fixed(name, value)
        hp.values[name] = value
    made = builder.call(function, source, hp, spec)
    built = in_float32(
        _own(made, model.archive, spec, source) if model.builder else as_functional(made, source)
    )
    if model.archive is not None:
        built = archive.fit_to(built, spec, model.archive)
    check(built, spec, source)
    built = _with_known_shape(in_order(without_margins(built), list(spec.inputs), list(spec.answers)), spec)
    if model.builder:
        _check_can_be_loaded(built, source, own(model))
    return built


def saved(source: str, spec: ModelSpec) -> keras.Model:
    """Returns a saved model, as it takes this data.

    Args:
        source: A path or a URI.
        spec: What the data looks like.

    Raises:
        ModelError: If it cannot be read, or does not fit the data.
    """
    with local_copies() as copies:
        loaded = without_margins(in_float32(archive.load(copies.local(source))))
        return archive.fit_to(loaded, spec, source)


def _own(made: keras.Model, weights: str | None, spec: ModelSpec, source: str) -> keras.Model:
    """Returns what a builder made, flat, of Keras' own layers as far as they can be followed.

    Args:
        made: The model.
        weights: The file that it takes its weights from, if there is one.
        spec: What the data looks like.
        source: The builder, for messages.
    """
    called = on_symbols(made, spec, source)
    if weights is not None:
        with local_copies() as copies:
            archive.take_weights(made, copies.local(weights))
    flat = as_functional(called, source)
    return inlined(as_functional(opened(flat), source), source)


def _with_known_shape(model: keras.Model, spec: ModelSpec) -> keras.Model:
    """Returns a model whose inputs have the shapes of the data, where they were left open."""
    shapes = [spec.inputs[name].shape for name in input_names(model)]
    if all(tuple(given.shape[1:]) == shape for given, shape in zip(model.inputs, shapes, strict=True)):
        return model
    inputs = [
        keras.Input(shape, dtype=given.dtype, name=given.name)
        for given, shape in zip(model.inputs, shapes, strict=True)
    ]
    return copy(model, inputs[0] if len(inputs) == 1 else inputs)


def _check_can_be_loaded(model: keras.Model, source: str, own_objects: Own) -> None:
    """Refuses before any training what the stages after it would refuse to load."""
    try:
        config = model.to_json()
        inspect_config.check(config.encode(), source, own_objects)
        named = custom_objects(own_objects, config.encode(), source)
        keras.models.model_from_json(config, custom_objects=named)
    except ModelError as error:
        raise ModelError(error.message, path=source, field=error.field, hint=_LAYERS_OF_KERAS) from None
    except Exception as error:  # of Keras, for what it cannot write or read again
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:_LONGEST_REASON]
        raise ModelError(
            f"it cannot be saved and loaded: {reason}", path=source, hint=_LAYERS_OF_KERAS
        ) from error


def fitting(spec: ModelSpec) -> list[str]:
    """Returns the names of the built-in architectures that take the data and answer as asked."""
    return [name for name in ARCHITECTURES if _takes(name, spec) and _answers(name, spec)]


def _takes(architecture: str, spec: ModelSpec) -> bool:
    return not {spec.kind, *spec.like}.isdisjoint(module(ARCHITECTURES, architecture).KINDS)


def _answers(architecture: str, spec: ModelSpec) -> bool:
    repeats = getattr(module(ARCHITECTURES, architecture), "REPEATS_ITS_INPUT", False)
    is_dense = getattr(module(ARCHITECTURES, architecture), "ANSWERS_PIXELS", False)
    if is_dense or task(spec.task).meaning.takes_masks:
        return bool(is_dense) == task(spec.task).meaning.takes_masks
    return not repeats or (len(spec.answers) == 1 and spec.outputs == math.prod(spec.input_shape))


def _check_params(model: Model, function: builder.Builder, source: str, spec: ModelSpec) -> None:
    """Checks ``model.params``; a trial build tells which hyper-parameters there are."""
    if not model.params:
        return
    probe = HyperParameters()
    probe.values.update(model.params)
    try:
        builder.call(function, source, probe, spec)
    except ModelError:
        params.check_values({p.name: p for p in probe.space}, model.params)
        raise
    params.check({p.name: p for p in probe.space}, model.params, source)


def _built_in(name: str, spec: ModelSpec) -> Any:
    architecture = module(ARCHITECTURES, name)
    if not _takes(name, spec):
        raise ModelError(
            f"{name} takes {' or '.join(architecture.KINDS)} data; this data is {spec.kind}",
            field="model.architecture",
            hint=f"Architectures for {spec.kind} data: {', '.join(fitting(spec))}.",
        )
    is_dense = getattr(architecture, "ANSWERS_PIXELS", False)
    if is_dense != task(spec.task).meaning.takes_masks:
        each = ("each pixel", "an image as a whole")
        raise ModelError(
            f"{name} answers for {each[not is_dense]}; the task asks for {each[is_dense]}",
            field="model.architecture",
            hint=f"Architectures for {spec.task}: {', '.join(fitting(spec))}.",
        )
    return architecture.build
