"""The alternatives of a step as they are written, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.config.problems import Place, Problems

MAIN = ""
"""Stands for the main parameter, whose name is not written."""


@dataclass(frozen=True)
class Choice:
    """One alternative.

    Attributes:
        place: Where it is written.
        name: The pass or the quantization.
        params: A value for every parameter that is given.
        places: Where the values are.
    """

    place: Place
    name: str
    params: Mapping[str, Any]
    places: Mapping[str, Place]


def choices(place: Place, written: Any, problems: Problems) -> list[Choice]:
    """Returns the alternatives of a step: those of a list, and of every list among a step's values."""
    if isinstance(written, list) and written:
        return [each for at, one in enumerate(written) for each in choices((*place, at), one, problems)]
    if isinstance(written, str):
        return [Choice(place, written, {}, {})]
    if isinstance(written, dict) and isinstance(written.get("method"), str):
        params = {name: value for name, value in written.items() if name != "method"}
        return list(_combined(place, written["method"], params, place))
    if isinstance(written, dict) and len(written) == 1:
        ((name, value),) = written.items()
        return list(_valued(place, str(name), value, (*place, str(name))))
    problems.add(
        place, f"expected a step: name, {{name: value}} or {{name: {{parameter: value}}}}; got {written!r}"
    )
    return []


def _valued(place: Place, name: str, value: Any, at: Place) -> Iterator[Choice]:
    """Yields the alternatives of a step by what stands behind its name."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _valued(place, name, each, (*at, index))
    elif isinstance(value, dict):
        yield from _combined(place, name, value, at)
    else:
        yield Choice(place, name, {} if value is None else {MAIN: value}, {MAIN: at})


def _combined(place: Place, name: str, params: Mapping[str, Any], at: Place) -> Iterator[Choice]:
    """Yields every way to choose a value for each parameter."""
    values = [_values(value, (*at, param)) for param, value in params.items()]
    for combination in itertools.product(*values):
        chosen = dict(zip(params, combination, strict=True))
        yield Choice(
            place,
            name,
            {param: value for param, (value, _) in chosen.items()},
            {param: where for param, (_, where) in chosen.items()},
        )


def _values(value: Any, at: Place) -> list[tuple[Any, Place]]:
    if isinstance(value, list):
        return [(each, (*at, index)) for index, each in enumerate(value)]
    return [(value, at)]
