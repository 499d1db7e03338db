"""A preset's backbone as a model for the data: KerasHub's with their own pooling, or Keras Applications'."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import keras

from trimtab.config.model import APPLICATIONS, Model
from trimtab.errors import ModelError
from trimtab.models.functional import copy, flattened
from trimtab.models.head import output
from trimtab.models.keras_graph import calls, run_through
from trimtab.models.opened import opened
from trimtab.models.presets.mended import mend
from trimtab.models.presets.source import directory, is_application, keras_hub
from trimtab.models.spec import ModelSpec

LIBRARY = "keras_hub"
_CONVERTER = "image_converter.json"
_LONGEST_REASON = 300


def build(model: Model, spec: ModelSpec) -> keras.Model:
    """Returns the preset's model with a new last layer, made of Keras' own layers as far as possible.

    Images are pixels 0..255: what the preset makes of them is the model's first layer.

    Args:
        model: The ``model`` section, with a preset.
        spec: What the data looks like: images, or the inputs of a preset of texts.

    Raises:
        ModelError: If the preset cannot be fetched or loaded, or takes other data.
    """
    preset = str(model.preset)
    if is_application(preset):
        return _application(preset.removeprefix(APPLICATIONS), model.weights, spec)
    with directory(preset) as files:
        return _of_hub(files, preset, spec)


def _of_hub(files: Path, preset: str, spec: ModelSpec) -> keras.Model:
    hub = keras_hub()
    mend()
    try:
        loaded = _loaded(hub, files, spec)
    except Exception as error:  # KerasHub raises anything for files that it cannot follow
        raise _refused(preset, error) from error
    inputs = _inputs(loaded, preset, spec)
    given = dict(inputs)
    if spec.kind == "image":
        given = {next(iter(given)): _scaled(next(iter(given.values())), files)}
    flat = flattened(loaded, preset)
    try:
        features = run_through(flat, _in_structure(flat, given), lambda operation: operation)
    except Exception as error:
        raise _refused(preset, error) from error
    tensors = list(inputs.values())
    ends = keras.Model(
        tensors[0] if len(tensors) == 1 else tensors, output(_pooled(features), spec), name="preset"
    )
    return copy(opened(ends, LIBRARY))


def _loaded(hub: Any, files: Path, spec: ModelSpec) -> keras.Model:
    """Returns the preset's classifier without its last layer, or its backbone if it has no classifier."""
    task = hub.models.ImageClassifier if spec.kind == "image" else hub.models.TextClassifier
    options: dict[str, Any] = {"image_shape": spec.input_shape} if spec.kind == "image" else {}
    backbone = hub.models.Backbone.from_preset(str(files), **options)
    classes: list[Any] = [
        each for each in vars(hub.models).values() if inspect.isclass(each) and issubclass(each, task)
    ]
    fitting: list[Any] = [each for each in classes if getattr(each, "backbone_cls", None) is type(backbone)]
    if not fitting:
        return backbone
    # Its last layer may be in a model of its own, as VGG's is.
    classifier = flattened(fitting[0](backbone=backbone, preprocessor=None, num_classes=2), str(files))
    last = calls(classifier)[-1]
    if not isinstance(last.operation, keras.layers.Dense):
        return classifier
    return keras.Model(classifier.inputs, last.input_tensors[0])


def _inputs(loaded: keras.Model, preset: str, spec: ModelSpec) -> dict[str, Any]:
    """Returns new inputs by the data's names, with the shapes of the data."""
    if len(loaded.inputs) == 1 and spec.kind == "image":
        return {loaded.inputs[0].name: keras.Input(spec.input_shape, name="image")}
    names = [tensor.name for tensor in loaded.inputs]
    if set(names) != set(spec.inputs):
        raise ModelError(
            f"expected a preset that takes {', '.join(spec.inputs)}, it takes {', '.join(names)}", path=preset
        )
    return {name: keras.Input(each.shape, dtype=each.dtype, name=name) for name, each in spec.inputs.items()}


def _in_structure(model: keras.Model, given: dict[str, Any]) -> Any:
    tensors = [given[tensor.name] for tensor in model.inputs]
    return tensors[0] if len(tensors) == 1 else tensors


def _scaled(pixels: Any, files: Path) -> Any:
    """Returns pixels as the preset's own converter would give them."""
    path = files / _CONVERTER
    converter = json.loads(path.read_text(encoding="utf-8"))["config"] if path.is_file() else {}
    scale, offset = converter.get("scale"), converter.get("offset")
    if scale is None and offset is None:
        return pixels
    scale, offset = 1.0 if scale is None else scale, 0.0 if offset is None else offset
    return keras.layers.Rescaling(scale, offset, name="preset_scaling")(pixels)


def _pooled(features: Any) -> Any:
    """Returns one vector an example: of an image the mean, of a text what its first token gives."""
    tensors = keras.tree.flatten(features)
    x = (
        tensors[0]
        if len(tensors) == 1
        else features["pooled_output"]
        if "pooled_output" in features
        else tensors[-1]
    )
    if len(x.shape) == 4:
        return keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return x[:, 0] if len(x.shape) == 3 else x


def _application(name: str, weights: str | None, spec: ModelSpec) -> keras.Model:
    function = getattr(keras.applications, name, None)
    if not callable(function):
        known = sorted(each for each in vars(keras.applications) if each[0].isupper())
        raise ModelError(
            f"Keras Applications has no {name}", field="model.preset", hint=f"It has {', '.join(known)}."
        )
    if spec.kind != "image" or spec.input_shape[-1] != 3:
        raise ModelError(
            f"{name} takes RGB images; this data is {spec.kind} {spec.input_shape}", field="model.preset"
        )
    inputs = keras.Input(spec.input_shape, name="image")
    try:
        x = _preprocess(function)(inputs)
        backbone = function(include_top=False, weights=weights, input_shape=spec.input_shape, pooling="avg")
        whole = keras.Model(inputs, output(backbone(x), spec), name="preset")
    except Exception as error:  # Keras raises anything for sizes and weights that do not fit
        raise _refused(APPLICATIONS + name, error) from error
    return copy(flattened(whole, name))


def _preprocess(function: Any) -> Any:
    """Returns what a model's module does to pixels first; most models of today do it in themselves."""
    module = __import__(function.__module__, fromlist=["preprocess_input"])
    return module.preprocess_input


def _refused(preset: str, error: Exception) -> ModelError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:_LONGEST_REASON]
    return ModelError(
        f"the preset cannot be loaded for this data: {reason}",
        path=preset,
        hint="Its size of images is data.image, its length of texts data.text.max_tokens.",
    )
