"""What a config may hold, by its JSON schema: names for messages, and fields that another trimtab wrote."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from trimtab import registry
from trimtab.config.config import Config

Location = tuple[int | str, ...]
"""Where a value is in the config, such as ``("recipes", 0, "prune")``."""
OF_FILE = ("content_sha256", "schema_version")
"""What a run's ``config.json`` has beside the config."""


def without_unknown(values: Any, error: ValidationError) -> bool:
    """Takes the fields out that no section has; True if there were any.

    Args:
        values: The values of a config, which are changed.
        error: Why they are none.
    """
    found = False
    for details in error.errors():
        if details["type"] != "extra_forbidden":
            continue
        place = _place(values, details["loc"])
        # Where a value may have one of several forms, each complains of what the others have.
        if place and place[-1] not in allowed_keys(place[:-1]):
            section = values
            for key in place[:-1]:
                section = section[key]
            del section[place[-1]]
            found = True
    return found


def _place(values: Any, loc: Location) -> Location:
    """Returns where a field is that an error is of, or nothing; a name may be a union's tag, or a key."""
    head, rest = loc[0], loc[1:]
    has = (isinstance(values, dict) and head in values) or (
        isinstance(values, list) and isinstance(head, int) and head < len(values)
    )
    if not rest:
        return loc if has and isinstance(values, dict) else ()
    inside = _place(values[head], rest) if has else ()
    return (head, *inside) if inside else _place(values, rest)


def without_union_tags(values: Any, loc: Location) -> Location:
    """Returns where an error is in the values; pydantic puts the chosen member of a union in between."""
    location: list[int | str] = []
    for position, key in enumerate(loc):
        inside = (isinstance(values, dict) and key in values) or (
            isinstance(values, list) and isinstance(key, int) and key < len(values)
        )
        if inside:
            values = values[key]
        if inside or (position == len(loc) - 1 and isinstance(values, dict | list)):
            location.append(key)
    return tuple(location)


def allowed_keys(location: Location) -> list[str]:
    """Returns the names that the JSON schema allows at a location, those of all union members together."""
    schema = _schema(tuple(tuple(table) for name, table in vars(registry).items() if name.isupper()))
    levels: list[dict[str, Any]] = [schema]
    for key in (None, *location):
        if key is not None:
            levels = [child for level in levels for child in _children(level, key)]
        levels = [member for level in levels for member in _members(level, schema["$defs"])]
    return sorted({name for level in levels for name in level.get("properties", {})})


def _children(level: dict[str, Any], key: int | str) -> list[dict[str, Any]]:
    if isinstance(key, int):
        return [level["items"]] if "items" in level else []
    properties = level.get("properties", {})
    extra = level.get("additionalProperties")
    return [properties[key]] if key in properties else [extra] if isinstance(extra, dict) else []


def _members(level: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in level:
        return _members(definitions[level["$ref"].rpartition("/")[2]], definitions)
    union = level.get("anyOf") or level.get("oneOf")
    return [inner for member in union for inner in _members(member, definitions)] if union else [level]


@lru_cache(maxsize=2)
def _schema(registered: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Returns the JSON schema, which takes a fifth of a second to make; another one for other names."""
    del registered
    return Config.model_json_schema()
