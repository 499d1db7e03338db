"""The layers and functions of a builder's own module, by which its model's file is loaded again.

The code is the user's, and has travelled with the config; a file may name what stands in it, and no more.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models import builder, inspect_config
from trimtab.models.presets.mended import mend
from trimtab.models.presets.source import is_application, keras_hub

Own = Mapping[tuple[str, str], Any]
"""Classes and functions by module and name."""

_READS = re.compile(r"token|preprocess|_converter")
"""Modules of KerasHub's layers that read files."""


def own(model: Model | None) -> Own:
    """Returns what stands in the modules of a builder; nothing where a model was not built by one.

    Args:
        model: The ``model`` section, or None: a file of anybody's.

    Raises:
        ModelError: If the builder's module cannot be imported.
    """
    if model is not None and model.preset is not None and not is_application(model.preset):
        return _of_hub()
    if model is None or model.builder is None:
        return {}
    builder.resolve(model.builder, model.code)
    first = {name.partition("/")[0].removesuffix(".py") for name in (model.code.files if model.code else ())}
    first.add(model.builder.partition(":")[0].partition(".")[0])
    return dict(_found(first))


def _of_hub() -> Own:
    """Returns the layers of KerasHub that models are made of; none that reads files."""
    keras_hub()
    mend()
    return {
        place: one
        for place, one in _found({"keras_hub"})
        if (inspect.isclass(one) and issubclass(one, keras.layers.Layer) and not _READS.search(place[0]))
        or place[0] == "keras_hub.src.utils.keras_utils"
    }


def custom_objects(own_objects: Own, config: bytes, path: str) -> dict[str, Any]:
    """Returns them by the names that Keras looks for: the registered one, if they have one, and their own.

    Keras looks for a name alone. Of several of one name, as KerasHub has, it gets the one of the module that
    the model names.

    Args:
        own_objects: What the model may name.
        config: The model's JSON config.
        path: The file that it comes from, for messages.

    Raises:
        ModelError: If the model names several of one name.
    """
    places = inspect_config.named(config)
    named = [place for place in own_objects if place in places]
    modules: dict[str, str] = {}
    for module, name in named:
        if modules.setdefault(name, module) != module:
            raise ModelError(
                f"it has two kinds of layers or functions named {name}, of {modules[name]} and of {module}",
                path=path,
                hint="Keras tells them apart by their names: call one of them otherwise.",
            )
    by_name: dict[str, Any] = {}
    for place in (*own_objects, *named):  # the last of a name counts
        one = own_objects[place]
        by_name |= {place[1]: one, keras.saving.get_registered_name(one): one}
    return by_name


def _found(first: set[str]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yields what stands at the top of modules below packages of these names."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in first:
            continue
        for attribute, value in vars(module).items():
            is_own = inspect.isclass(value) or inspect.isfunction(value)
            if is_own and value.__module__ == name and value.__qualname__ == attribute:
                yield (name, attribute), value
