"""Layers by the names that people know them by, in the longer ones that converters make of these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from trimtab.errors import CompressionError
from trimtab.runtimes.quantizations import Int8

_SHOWN = 12


def in_floats(operators: Mapping[str, str], asked: Int8, field: str) -> frozenset[str]:
    """Returns the operators that stay in floats because their names say so.

    Args:
        operators: What names each operator has, in one text, by what the runtime calls it.
        asked: Which layers do, and which do not.
        field: The model's name, for messages.

    Raises:
        CompressionError: If a pattern is no layer's.
    """
    kept, only = asked.keep_float.split(), asked.only.split()
    for pattern in [*kept, *only]:
        if not any(_is_named(names, [pattern]) for names in operators.values()):
            raise CompressionError(
                f"{pattern!r} is no layer's name", field=field, hint=_hint(operators.values())
            )
    return frozenset(
        operator
        for operator, names in operators.items()
        if _is_named(names, kept) or (only and not _is_named(names, only))
    )


def _is_named(names: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(part, pattern) for part in _parts(names) for pattern in patterns)


def _parts(names: str) -> set[str]:
    """Returns all names in a text, as they are and without the number that converters add."""
    parts = {part for path in names.split(";") for part in path.split("/") if part}
    return parts | {re.sub(r"_\d+$", "", part) for part in parts}


def _hint(all_names: Iterable[str]) -> str:
    """Returns the layers: the second of the names in a path, after the model's."""
    paths = [[part for part in path.split("/") if part] for names in all_names for path in names.split(";")]
    layers = list(dict.fromkeys(path[1] if len(path) > 2 else path[0] for path in paths if path))
    return f"There are {', '.join(layers[:_SHOWN])}{' …' if len(layers) > _SHOWN else ''}; * is anything."
