"""What is wrong with a value that pydantic does not read itself, gathered and told as pydantic tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

Place = tuple[int | str, ...]
"""Where something is, such as ``(0, 1, "channels", "ratio")``."""


class Problems:
    """Problems in the order they were met, each once."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[Place, str], InitErrorDetails] = {}

    def __bool__(self) -> bool:
        return bool(self._by_place)

    def add(self, place: Place, message: str, value: Any = None) -> None:
        """Adds one in words."""
        self._take("value_error", place, value, {"error": ValueError(message)})

    def unknown(self, place: Place, name: Any, expected: Iterable[str]) -> None:
        """Adds a name that is none of those expected."""
        self._take("literal_error", place, name, {"expected": ", ".join(expected)})

    def unknown_field(self, place: Place, value: Any) -> None:
        """Adds a field that nothing has."""
        self._take("extra_forbidden", place, value, {})

    def include(self, error: ValidationError, places: Mapping[str, Place], otherwise: Place) -> None:
        """Adds what pydantic found.

        Args:
            error: The problems of a mapping.
            places: Where the fields of the mapping are.
            otherwise: Where any other field is.
        """
        for details in error.errors():
            field, *inside = details["loc"] or ("",)
            place = places.get(str(field), (*otherwise, field))
            self._take(details["type"], (*place, *inside), details["input"], details.get("ctx", {}))

    def refuse(self, title: str) -> None:
        """Raises a ``ValidationError`` of all problems, if there are any."""
        if self:
            raise ValidationError.from_exception_data(title, list(self._by_place.values()))

    def _take(self, kind: str, place: Place, value: Any, context: dict[str, Any]) -> None:
        details = InitErrorDetails(type=kind, loc=place, input=value, ctx=context)
        self._by_place.setdefault((place, kind), details)
