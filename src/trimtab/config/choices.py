"""The alternatives of a step as they are written, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.config.problems import Place, Problems

MOST = 1000
"""Chains that one recipe may stand for, and alternatives that one step may have."""

MOST_CHARACTERS = 200

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
    """Returns the alternatives of a step: those of a list, and of every list among a step's values.

    More than ``MOST`` of them are a problem.
    """
    alternatives = list(itertools.islice(_choices(place, written, problems), MOST + 1))
    if len(alternatives) > MOST:
        problems.add(place, f"it stands for more than {MOST:,} alternatives")
    return alternatives[:MOST]


def _choices(place: Place, written: Any, problems: Problems) -> Iterator[Choice]:
    if isinstance(written, list) and written:
        for at, each in enumerate(written):
            yield from _choices((*place, at), each, problems)
    elif isinstance(written, str):
        yield Choice(place, written, {}, {})
    elif isinstance(written, dict) and isinstance(written.get("method"), str):
        params = {name: value for name, value in written.items() if name != "method"}
        yield from _combined(place, written["method"], params, place)
    elif isinstance(written, dict) and len(written) == 1:
        ((name, value),) = written.items()
        yield from _valued(place, str(name), value, (*place, str(name)))
    else:
        text = "expected a step: name, {name: value} or {name: {parameter: value}}"
        problems.add(place, f"{text}; got {written!r}"[:MOST_CHARACTERS])


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
    values = [_values(value, (*at, str(param))) for param, value in params.items()]
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
