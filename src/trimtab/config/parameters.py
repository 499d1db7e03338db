"""How a pass or a quantization declares its parameters: pydantic fields, with these extras.

ratio: float = Field(0.5, gt=0, lt=1, description="…", json_schema_extra=MAIN | between(0.1, 0.75))
"""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from trimtab.config.base import Section

MAIN: dict[str, Any] = {"main": True}
"""Marks the parameter that ``{name: value}`` sets, and that a candidate's id shows."""


def between(low: float, high: float, *, log: bool = False) -> dict[str, Any]:
    """Returns a search range of numbers, both ends included; ``log``: what counts is their ratio."""
    return {"search": {"low": low, "high": high, "log": log}}


def among(*values: Any) -> dict[str, Any]:
    """Returns a search range of some values."""
    return {"search": {"values": list(values)}}


def search_range(field: FieldInfo) -> dict[str, Any] | None:
    """Returns a parameter's search range: ``{low, high, log}`` or ``{values}``; None where there is none."""
    search: dict[str, Any] | None = _extra(field).get("search")
    return search


def main_parameter(params: type[Section]) -> str | None:
    """Returns the name of the main parameter, if there is one."""
    return next((name for name, field in params.model_fields.items() if _extra(field).get("main")), None)


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
