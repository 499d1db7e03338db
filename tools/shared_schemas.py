"""JSON schemas in which what is said again and again stands once."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

LEAST = 300
"""Characters from which on a part is worth a definition of its own."""


def shared(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns an equal schema whose larger repeated parts are references to definitions.

    Args:
        schema: A schema whose properties may hold the same part many times.
    """
    counts = Counter(text for text in _parts(schema) if len(text) >= LEAST)
    repeated = sorted((text for text, count in counts.items() if count > 1), key=len)
    names = {text: f"Shared{number}" for number, text in enumerate(repeated, start=1)}
    definitions = {name: _referring(json.loads(text), names, whole=False) for text, name in names.items()}
    made = {name: _referring(part, names, whole=False) for name, part in schema.items()}
    text = json.dumps([made, definitions])
    used = {name: part for name, part in definitions.items() if f'"#/$defs/{name}"' in text}
    return {**made, "$defs": {**made.get("$defs", {}), **used}}


def _parts(value: Any) -> Iterator[str]:
    """Yields every schema inside one, as text."""
    if isinstance(value, dict) and (
        isinstance(value.get("type"), str) or isinstance(value.get("anyOf"), list)
    ):
        yield json.dumps(value)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _parts(child)


def _referring(value: Any, names: dict[str, str], *, whole: bool = True) -> Any:
    if isinstance(value, dict):
        name = names.get(json.dumps(value)) if whole else None
        return {"$ref": f"#/$defs/{name}"} if name else {k: _referring(v, names) for k, v in value.items()}
    return [_referring(each, names) for each in value] if isinstance(value, list) else value
