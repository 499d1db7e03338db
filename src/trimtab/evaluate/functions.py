"""A user's own metric: ``module:function``, called as ``function(answers, labels)``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from numpy.typing import NDArray

from trimtab.config.code import Code
from trimtab.errors import ModelError
from trimtab.models.code import install

Value = Callable[[NDArray[Any], NDArray[Any]], float]
"""Of labels and answers, in this order, as every metric."""


def value_of(reference: str, code: Code | None) -> Value:
    """Returns a function as the value of a metric.

    Args:
        reference: ``module:function``; the module is looked for in the code, and where Python looks.
        code: The files that came with the config.

    Raises:
        ModelError: If it cannot be imported; when it is called: if it fails, or returns no number.
    """
    function = _imported(reference, code)

    def value(labels: NDArray[Any], answers: NDArray[Any]) -> float:
        try:
            return float(function(answers, labels))
        except Exception as error:  # the user's function may raise anything
            raise ModelError(
                f"it failed on {len(labels):,} examples: {type(error).__name__}: {error}",
                field=reference,
                hint="It takes answers and labels, (n, …) each, and returns a number.",
            ) from error

    return value


def _imported(reference: str, code: Code | None) -> Callable[..., Any]:
    if code is not None:
        install(code)
    module_name, _, name = reference.partition(":")
    try:
        function = getattr(import_module(module_name), name, None)
    except Exception as error:  # the user's module may raise anything when it is imported
        raise ModelError(
            f"the module {module_name} cannot be imported: {type(error).__name__}: {error}",
            field=reference,
            hint="It is looked for beside the config file and on PYTHONPATH.",
        ) from error
    if not callable(function):
        raise ModelError(f"{module_name} has no function {name}", field=reference)
    return cast("Callable[..., Any]", function)
