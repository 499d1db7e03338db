"""Saved models: ``.keras`` and ``.h5`` files, loaded by Keras 3 with ``safe_mode`` on."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models.contract import check
from trimtab.models.functional import as_functional, copy, in_order
from trimtab.models.inspect_archive import inspect, inspect_weights
from trimtab.models.own import custom_objects, own
from trimtab.models.spec import ModelSpec
from trimtab.models.tensors import apply, input_names
from trimtab.tasks.registry import task

_PROBE_EXAMPLES = 16
_TOLERANCE = 1e-4


def load(path: str | Path, built: Model | None = None) -> keras.Model:
    """Loads a saved model without running anything that the file brings.

    Args:
        path: A ``.keras`` file, or an ``.h5`` file of Keras 2 or 3.
        built: The ``model`` section that it was made by, whose builder's own layers it may have; None: it is
            a file of anybody's.

    Returns:
        The flat, uncompiled functional model.

    Raises:
        ModelError: If the file is missing, damaged, unsafe, or no model that can be used.
    """
    file = Path(path)
    own_objects = own(built)
    config = inspect(file, own_objects)
    with _as_keras_3_takes_it(file, config) as readable:
        model = _load(readable, str(file), custom_objects(own_objects, config, str(file)))
        if file.suffix != ".keras":
            _put_in_order(readable, model)
        return as_functional(model, str(file))


def take_weights(model: keras.Model, path: str | Path) -> None:
    """Gives a model that a builder made the weights of a file; of a ``.keras`` file, nothing else is read.

    Args:
        model: The built model, as the builder returned it.
        path: A ``.keras`` file, or an ``.h5`` file of a model or of weights.

    Raises:
        ModelError: If the file is missing, damaged or unsafe, or has the weights of another model.
    """
    file = Path(path)
    inspect_weights(file)
    try:
        model.load_weights(file)
    except Exception as error:  # Keras raises anything for weights that are not the model's
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise ModelError(
            f"the builder's model does not take its weights: {reason}",
            path=str(file),
            hint="They must be of what model.builder makes; its parameters are model.params.",
        ) from error


def _put_in_order(file: Path, model: keras.Model) -> None:
    """Puts weights into the layers that they are of: Keras takes those of an ``.h5`` one after the other."""
    with h5py.File(file) as root:
        group = root["model_weights"]
        saved = [name for name in _texts(group, "layer_names") if _texts(group[name], "weight_names")]
    layers = [layer for layer in model.layers if layer.weights]
    given = [layer.name for layer in layers]
    if saved != given and sorted(saved) == sorted(given):
        weights = {name: layer.get_weights() for name, layer in zip(saved, layers, strict=True)}
        for layer in layers:
            layer.set_weights(weights[layer.name])


def _texts(group: h5py.Group, name: str) -> list[str]:
    """Returns the texts of an attribute, which Keras stores in parts if they are long."""
    parts = sorted(
        (part for part in group.attrs if part.rstrip("0123456789") == name),
        key=lambda part: (len(part), part),
    )
    return [
        bytes(text).decode() if isinstance(text, bytes) else str(text)
        for part in parts
        for text in group.attrs[part]
    ]


def fit_to(model: keras.Model, spec: ModelSpec, source: str) -> keras.Model:
    """Returns the model for this data: its input gets the shape and the type of the data.

    A model that answers one probability for two classes gets the head of one that answers both, and a model
    that takes integers a float input of the same numbers: so training, every pass and every runtime treat it
    as they treat others.

    Args:
        model: A loaded model.
        spec: What the data looks like.
        source: The file it was loaded from, for messages.

    Raises:
        ModelError: If the model does not take this data, or does not answer as the task needs.
    """
    if len(spec.answers) == 1:
        model = task(spec.task).learning.adapted(model, spec.outputs)
    check(model, spec, source)
    model = in_order(model, list(spec.inputs), list(spec.answers))
    wanted = [spec.inputs[name] for name in input_names(model)]
    pairs = list(zip(model.inputs, wanted, strict=True))
    if all((tuple(given.shape[1:]), given.dtype) == (each.shape, each.dtype) for given, each in pairs):
        return model
    inputs = [keras.Input(each.shape, dtype=each.dtype, name=given.name) for given, each in pairs]
    fitted = copy(model, inputs[0] if len(inputs) == 1 else inputs)
    if any(given.dtype != each.dtype for given, each in pairs):
        _check_same(model, fitted, source)
    return fitted


def _check_same(model: keras.Model, fitted: keras.Model, source: str) -> None:
    """Checks that a model with an input of another type answers as before."""
    generator = np.random.default_rng(0)
    numbers = [generator.integers(0, 128, (_PROBE_EXAMPLES, *t.shape[1:])) for t in fitted.inputs]
    expected, actual = (
        np.concatenate(apply(each, [x.astype(t.dtype) for x, t in zip(numbers, each.inputs, strict=True)]), 1)
        for each in (model, fitted)
    )
    given, taken = next(
        pair for pair in zip(model.inputs, fitted.inputs, strict=True) if pair[0].dtype != pair[1].dtype
    )
    if not np.allclose(expected, actual, atol=_TOLERANCE):
        raise ModelError(
            f"it computes with its {given.dtype} input as no {taken.dtype} would",
            path=source,
            field=given.name,
            hint="Let the model begin with a layer that makes floats of it, such as keras.layers.Rescaling.",
        )


@contextlib.contextmanager
def _as_keras_3_takes_it(file: Path, config: bytes) -> Iterator[Path]:
    """Yields the file, or a copy with the config that was made of one of Keras 2."""
    if file.suffix == ".keras":
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        copied = Path(scratch) / f"model{file.suffix}"
        shutil.copyfile(file, copied)
        with h5py.File(copied, "r+") as root:
            root.attrs["model_config"] = config
        yield copied


def _load(file: Path, source: str, known: dict[str, Any]) -> keras.Model:
    try:
        model = keras.saving.load_model(file, custom_objects=known, compile=False, safe_mode=True)
    except (
        Exception
    ) as error:  # Keras raises anything from KeyError to RuntimeError for a config it cannot follow
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise ModelError(
            f"Keras {keras.__version__} cannot load it: {reason}",
            path=source,
            hint="Save it with this Keras, or build it in Python: set model.builder to `module:function`.",
        ) from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"expected a model, found a {type(model).__name__}", path=source)
    return model
