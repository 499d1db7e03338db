"""The reference of the config, from its JSON schema."""

from typing import Any

HEADER = """# The config, field by field

Generated from the models in `src/trimtab/config/`; editors use `schemas/config.schema.json`.
Relative paths are relative to the config file.
"""


def render(schema: dict[str, Any]) -> str:
    """Returns the page.

    Args:
        schema: The JSON schema of the config.
    """
    parts = [HEADER, _section("Top level", schema)]
    pending, done = _references(schema), set[str]()
    while pending:
        name = pending.pop(0)
        if name in done:
            continue
        done.add(name)
        definition = schema["$defs"][name]
        parts.append(_section(name, definition))
        pending += _references(definition)
    return "\n".join(parts)


def _section(name: str, definition: dict[str, Any]) -> str:
    summary = definition.get("description", "").split("\n\n")[0].replace("\n", " ")
    required = definition.get("required", [])
    rows = [
        f"| `{field}` | {_type(one)} | {_default(field, one, required)} | {one.get('description', '')} |"
        for field, one in definition.get("properties", {}).items()
    ]
    table = ["| field | type | default | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {name}", "", summary, "", *table, ""])


def _type(one: dict[str, Any]) -> str:
    if "$comment" in one:
        return str(one["$comment"])
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    union = one.get("anyOf") or one.get("oneOf")
    if union:
        return " or ".join(_type(member) for member in union)
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if one.get("type") == "array":
        return f"list of {_type(one.get('items', {}))}"
    if one.get("type") == "object" and isinstance(one.get("additionalProperties"), dict):
        return f"mapping to {_type(one['additionalProperties'])}"
    if values := list(one.get("patternProperties", {}).values()):
        return f"mapping to {_type(values[0])}"
    return one.get("type", "any") + _range(one)


def _range(one: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {one[key]:.10g}" for key, sign in signs.items() if key in one]
    return f" ({', '.join(limits)})" if limits else ""


def _default(field: str, one: dict[str, Any], required: list[str]) -> str:
    if field in required:
        return "**required**"
    default = one.get("default", "")
    if isinstance(default, dict | list):
        return "" if default else "empty"
    return "null" if default is None else f"`{default}`" if default != "" else ""


def _references(value: Any) -> list[str]:
    """Returns the names of the definitions that a schema refers to, in order."""
    if isinstance(value, dict):
        own = [value["$ref"].rpartition("/")[2]] if "$ref" in value else []
        return own + [name for key, one in value.items() if key != "$defs" for name in _references(one)]
    if isinstance(value, list):
        return [name for one in value for name in _references(one)]
    return []
