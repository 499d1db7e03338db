"""The user's own model builder: ``module:function``, called as ``function(hp, spec)``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

import keras

from trimtab.config.code import Code
from trimtab.errors import ModelError, TrimtabError
from trimtab.models.code import install
from trimtab.models.spec import ModelSpec

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

Builder = Callable[["HyperParameters", ModelSpec], keras.Model]


def resolve(reference: str, code: Code | None = None) -> Builder:
    """Imports a builder.

    Args:
        reference: ``module:function``; the module is looked for in the code, and where Python looks.
        code: The files that came with the config.

    Raises:
        ModelError: If the code was changed on its way, if the module cannot be imported, or if it has no such
            function.
    """
    if code is not None:
        install(code)
    module_name, _, name = reference.partition(":")
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # the user's module may raise anything when it is imported
        raise ModelError(
            f"the module {module_name} cannot be imported: {_describe(error)}",
            field=reference,
            hint="It is looked for beside the config file and on PYTHONPATH.",
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        public = [n for n in dir(module) if callable(getattr(module, n)) and not n.startswith("_")]
        raise ModelError(
            f"{module_name} has no function {name}",
            field=reference,
            hint=f"It has: {', '.join(public) or 'none'}.",
        )
    return function  # type: ignore[no-any-return]


def call(function: Builder, source: str, hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Calls a builder.

    Args:
        function: The builder.
        source: Its name, for messages.
        hp: Hyper-parameters for it to ask.
        spec: What the data looks like.

    Returns:
        What it returns, which is a Keras 3 model.

    Raises:
        ModelError: If it fails, or if it returns anything else.
    """
    try:
        model = function(hp, spec)
    except TrimtabError:
        raise
    except (Exception, SystemExit) as error:  # the user's function may raise anything, or end the process
        raise ModelError(f"building the model failed: {_describe(error)}", field=source) from error
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise ModelError(
            f"expected a Keras 3 model, it returned {kind}",
            field=source,
            hint="Models of tf_keras (Keras 2) cannot be used: import keras, not tf_keras.",
        )
    return model


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
