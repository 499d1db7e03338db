"""``model.params`` against the hyper-parameters that a model asks for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from keras_tuner.engine import hyperparameters as kinds

from trimtab.errors import ConfigError


def check(declared: Mapping[str, Any], given: Mapping[str, Any], source: str) -> None:
    """Checks the names and values of hyper-parameters that are fixed by hand.

    Args:
        declared: The hyper-parameters that the model asked for, by name (``HyperParameters.space``).
        given: The values by name.
        source: What the model is, for messages.

    Raises:
        ConfigError: If a name is unknown, or if a value has the wrong type or makes no sense.
    """
    for name in given:
        if name not in declared:
            raise ConfigError(
                f"{source} has no such hyper-parameter",
                field=f"model.params.{name}",
                hint=_suggestion(name, declared),
            )
    check_values(declared, given)


def check_values(declared: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Checks the values of those hyper-parameters that are declared.

    A value may lie outside the range that a search would look at, but counts start at 1.

    Raises:
        ConfigError: If a value has the wrong type or makes no sense.
    """
    for name in given.keys() & declared.keys():
        expected = _expected(declared[name], given[name])
        if expected:
            raise ConfigError(f"expected {expected}, got {given[name]!r}", field=f"model.params.{name}")


def _suggestion(name: str, declared: Mapping[str, Any]) -> str:
    if not declared:
        return "It has none; leave model.params out."
    near = difflib.get_close_matches(name, declared, n=1, cutoff=0.5)
    start = f"Did you mean {near[0]}? " if near else ""
    return f"{start}It has: {', '.join(sorted(declared))}."


def _expected(parameter: Any, value: Any) -> str | None:
    """Returns what was expected when the value does not fit."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(parameter, kinds.Boolean):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(parameter, kinds.Choice):
        return None if value in parameter.values else f"one of {', '.join(map(str, parameter.values))}"
    if isinstance(parameter, kinds.Int):
        least = min(parameter.min_value, 1)
        fits = isinstance(value, int) and number and value >= least
        return None if fits else f"a whole number from {least} up"
    if isinstance(parameter, kinds.Float) and not number:
        return "a number"
    return None
