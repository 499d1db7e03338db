"""The config of a saved model: it may name layers of Keras, and nothing else.

Keras itself refused each of these only after an attack was known: CVE-2024-3660 (Lambda), CVE-2025-1550 and
CVE-2025-8747 (modules and functions of one's choice), CVE-2025-9906 (a config that switches ``safe_mode``
off), CVE-2025-12058 (layers that read files). So this is a list of what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from typing import Any, NoReturn

from trimtab.errors import ModelError

MAX_BYTES = 16_000_000
MAX_LAYERS, MAX_DEPTH = 5_000, 100
_WIDTHS = ("units", "filters", "input_dim", "output_dim")
_MODULES = (
    "keras",
    "keras.activations",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.models",
    "keras.quantizers",
    "keras.random",
    "keras.regularizers",
    "keras.src.models.functional",
    "keras.src.models.sequential",
    "keras.src.ops.image",
    "keras.src.ops.math",
    "keras.src.ops.nn",
    "keras.src.ops.numpy",
)
_SOME_OF = {
    "keras.src.applications.convnext": ("LayerScale", "StochasticDepth"),
    "keras.src.applications.inception_resnet_v2": ("CustomScaleLayer",),
    "keras.src.ops.core": ("Cast", "SaturateCast", "Slice", "StopGradient", "Unstack"),
}
"""Of modules that have other things as well, such as operators that take functions of one's choice."""
_FUNCTION_MODULES = ("builtins", "keras.activations")
_CODE = ("Lambda", "__lambda__")
_FILES = (
    "FlaxLayer",
    "IntegerLookup",
    "JaxLayer",
    "StringLookup",
    "TextVectorization",
    "TFSMLayer",
    "TorchModuleWrapper",
)
BUILDER = (
    "Build that model in Python: set model.builder to `module:function`. With model.archive beside it, the "
    "model takes the weights of that file."
)


def check(config: bytes, path: str, own: Container[tuple[str, str]] = ()) -> None:
    """Checks the JSON config of a saved model.

    Args:
        config: The JSON text.
        path: The file that it comes from, for messages.
        own: What else it may name, by module and name: of the code that made the model.

    Raises:
        ModelError: If it is not JSON, is too large, or names anything but layers of Keras.
    """
    if len(config) > MAX_BYTES:
        raise ModelError(
            f"its config is too large: expected at most {MAX_BYTES:,} bytes, found {len(config):,}",
            path=path,
            hint=BUILDER,
        )
    try:
        parsed = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"its config is not JSON: {error}", path=path) from error
    if not isinstance(parsed, dict):
        raise ModelError("expected a model's config", path=path)
    parsed.pop("compile_config", None)  # not read: the optimizer and the losses are trimtab's
    layers = 0
    for value, depth in _objects(parsed):
        if depth > MAX_DEPTH:
            raise ModelError(f"its config is nested more than {MAX_DEPTH} deep", path=path, hint=BUILDER)
        _check_object(value, path, own)
        layers += len(value["layers"]) if isinstance(value.get("layers"), list) else 0
    if layers > MAX_LAYERS:
        raise ModelError(f"expected at most {MAX_LAYERS:,} layers, found {layers:,}", path=path, hint=BUILDER)


def check_widths(config: bytes, numbers: int, path: str) -> None:
    """Checks that a model's layers are no wider than its weights.

    Keras makes room for all weights of a layer before it looks for them in the file.

    Args:
        config: The JSON text, which ``check`` has let through.
        numbers: How many numbers the file stores.
        path: The file that it comes from, for messages.

    Raises:
        ModelError: If a layer says to be wider than all that is stored.
    """
    for value, _ in _objects(json.loads(config)):
        for name in _WIDTHS:
            width = value.get(name)
            if isinstance(width, int) and width > max(numbers, 1):
                layer = value.get("name")
                raise ModelError(
                    f"it says {name} {width:,}, and the file stores {numbers:,} numbers",
                    path=path,
                    field=layer if isinstance(layer, str) else None,
                    hint="Save the whole model again with model.save(path).",
                )


def named(config: bytes) -> set[tuple[str, str]]:
    """Returns the classes and functions that a model's JSON config names, by module and name."""
    return {_place(value) for value, _ in _objects(json.loads(config)) if "class_name" in value}


def _objects(parsed: Any) -> Iterator[tuple[dict[str, Any], int]]:
    """Yields every object of a config with its depth."""
    pending: list[tuple[Any, int]] = [(parsed, 0)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, dict):
            yield value, depth
            pending.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            pending.extend((item, depth + 1) for item in value)


def _check_object(value: dict[str, Any], path: str, own: Container[tuple[str, str]]) -> None:
    if "safe_mode" in value:
        _refuse("its config tries to set safe_mode", path)
    if "class_name" not in value:
        return
    name, module = value["class_name"], value.get("module")
    if name in _CODE:
        _refuse(f"a {name} object holds Python code, which is never run", path, value)
    if name in _FILES:
        _refuse(f"a {name} layer reads files or foreign code", path, value)
    if _place(value) in own:
        return
    allowed = _FUNCTION_MODULES if name == "function" else (None, *_MODULES)
    is_one_of = name in _SOME_OF.get(str(module), ())
    if module not in allowed and not is_one_of and not (name == "function" and "module" not in value):
        _refuse(f"{name} comes from the module {module}, which is not Keras' own", path, value)
    if ">" in str(value.get("registered_name")):
        _refuse(f"{name} is a custom object ({value['registered_name']})", path, value)


def _place(value: dict[str, Any]) -> tuple[str, str]:
    """Returns the module and the name of what an object of a config is made of."""
    name = value["class_name"]
    return str(value.get("module")), str(value.get("config") if name == "function" else name)


def _refuse(message: str, path: str, value: dict[str, Any] | None = None) -> NoReturn:
    config = (value or {}).get("config")
    layer = config.get("name") if isinstance(config, dict) else None
    raise ModelError(message, path=path, field=layer if isinstance(layer, str) else None, hint=BUILDER)
