"""A name that a table has, as the registry's: checked when a config is read, and listed in the schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, eq=False)
class Registered:
    """Says of a string that it is a name in a table, such as one of the registry.

    Args:
        table: The table, as it is when a config is read.
        instead: What to say instead of some of its names.
    """

    table: Mapping[str, object]
    instead: Mapping[str, Iterable[str]] = field(default_factory=dict)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "enum": self._names()}

    def _check(self, name: str) -> str:
        if name not in self._names():
            choices = ", ".join(self._names())
            # The kind of error that a literal gives, which the loader tells with the nearest valid name.
            raise PydanticCustomError("literal_error", "expected one of {expected}", {"expected": choices})
        return name

    def _names(self) -> list[str]:
        return [said for name in self.table for said in self.instead.get(name, (name,))]
