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
from trimtab.models import builder
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


def custom_objects(own_objects: Own) -> dict[str, Any]:
    """Returns them by the names that Keras looks for: the registered one, if they have one, and their own."""
    named = {name: one for (_, name), one in own_objects.items()}
    return named | {keras.saving.get_registered_name(one): one for one in own_objects.values()}


def _found(first: set[str]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yields what stands at the top of modules below packages of these names."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in first:
            continue
        for attribute, value in vars(module).items():
            is_own = inspect.isclass(value) or inspect.isfunction(value)
            if is_own and value.__module__ == name and value.__qualname__ == attribute:
                yield (name, attribute), value
