"""Everything that can stand in a chain, described for people and programs: from the declarations alone."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field

from trimtab.config.methods import Method, every
from trimtab.config.parameters import main_parameter, search_range

_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class Parameter(BaseModel):
    """A parameter of a pass or a quantization."""

    name: str
    type: str = Field(description="As in a JSON schema; `or null` where it may be left out.")
    default: Any
    range: str = Field(description="Limits, such as `> 0, < 1`; empty where there are none.")
    search: dict[str, Any] | None = Field(description="What to search: `{low, high, log}` or `{values}`.")
    description: str
    main: bool = Field(description="Whether `{name: value}` sets it.")


class Entry(BaseModel):
    """A pass, or a quantization of one runtime."""

    name: str
    summary: str
    takes: str = Field(description="`keras`.")
    gives: str = Field(description="`keras`, or the runtime whose files it gives.")
    needs: list[str] = Field(description="Of `data`, `gradients` and `labels`.")
    makes: list[str] = Field(description="Traits that the model has after it.")
    keeps: list[str] = Field(description="Traits that it does not destroy.")
    source: str
    parameters: list[Parameter]


def catalogue() -> list[Entry]:
    """Returns what gives Keras models, and then the quantizations runtime by runtime."""
    return [_entry(method) for method in every()]


def in_words(search: dict[str, Any] | None) -> str:
    """Returns a search range as people read it: ``0.1 to 0.75`` or ``2, 5, 10``."""
    if search is None:
        return ""
    if "values" in search:
        return ", ".join("null" if value is None else f"{value}" for value in search["values"])
    return f"{search['low']:g} to {search['high']:g}{', log' if search['log'] else ''}"


def _entry(method: Method) -> Entry:
    schema = method.params.model_json_schema()
    main = main_parameter(method.params)
    names = sorted(method.params.model_fields, key=lambda name: name != main)
    return Entry(
        name=method.name,
        summary=method.summary,
        takes=method.takes,
        gives=method.gives,
        needs=sorted(method.needs),
        makes=sorted(method.makes),
        keeps=sorted(method.keeps),
        source=method.source,
        parameters=[_parameter(method, name, schema["properties"][name]) for name in names],
    )


def _parameter(method: Method, name: str, schema: dict[str, Any]) -> Parameter:
    field = method.params.model_fields[name]
    members = schema.get("anyOf", [schema])
    kinds = [
        str(member.get("type") or member.get("$ref", "").rpartition("/")[2].lower()) for member in members
    ]
    limits = [
        f"{sign} {member[key]:.10g}" for member in members for key, sign in _LIMITS.items() if key in member
    ]
    return Parameter(
        name=name,
        type=" or ".join(kinds),
        default=json.loads(method.params().model_dump_json())[name],
        range=", ".join(limits),
        search=search_range(field),
        description=field.description or "",
        main=name == method.main,
    )
