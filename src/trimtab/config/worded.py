"""What is wrong with a config, in words: where it stands, what was expected, and what may have been meant."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from trimtab.config import methods
from trimtab.config.known import Location, allowed_keys, without_union_tags
from trimtab.config.other_names import meant, meant_value
from trimtab.errors import ConfigError

_FEW_PLACES = 3
"""A field that more sections have is no hint."""
_FORMS = {
    "name": "expected at most 63 lower-case letters, digits, '.', '_' and '-', and a letter or digit first"
}


def config_error(
    error: ValidationError, path: Path, root: yaml.Node, values: dict[str, Any], overridden: set[Location]
) -> ConfigError:
    """Returns one error for all that is wrong: the first names the place, the others follow as the hint.

    Args:
        error: What is wrong.
        path: The file.
        root: Its YAML.
        values: What it says, with what the command line sets.
        overridden: Where the command line sets something.
    """
    problems = [_problem(details, root, values) for details in error.errors()]
    (location, line, message), others = problems[0], problems[1:]
    by_override = any(
        location[: len(override)] == override or override[: len(location)] == location
        for override in overridden
    )
    hint = "\n  ".join(f"{path}:{line}: {_dotted(where)}: {text}" for where, line, text in others)
    return ConfigError(
        message,
        path="--set" if by_override else str(path),
        line=None if by_override else line,
        field=_dotted(location) or None,
        hint=hint or None,
    )


def _problem(details: ErrorDetails, root: yaml.Node, values: dict[str, Any]) -> tuple[Location, int, str]:
    location = without_union_tags(values, details["loc"])
    node = _nearest_node(root, location)
    line = node.start_mark.line + 1
    kind = details["type"]
    if kind == "extra_forbidden":
        allowed = allowed_keys(location[:-1])
        name, method = str(location[-1]), _method_at(location[:-1], values)
        if method is not None and (others := methods.having(name)):
            expected = ", ".join(methods.parameters(method))
            return (
                location,
                line,
                f"belongs to {', '.join(others)}, not to {method}; expected one of {expected}",
            )
        return location, line, f"unknown field{_meant(location) or _nearest(name, allowed)}"
    if kind == "missing":
        return location, line, "is required"
    if kind == "model_type":
        expected = f"expected a mapping with {', '.join(allowed_keys(location))}"
        return location, line, f"{expected}; got {details['input']!r:.80}{_elsewhere(location)}"
    if kind in ("literal_error", "union_tag_invalid", "enum"):
        context = details.get("ctx", {})
        expected = str(context.get("expected") or context.get("expected_tags"))
        choices = [choice.strip(" '") for choice in expected.replace(" or ", ", ").split(",")]
        got = context.get("tag", details["input"])
        return (
            location,
            line,
            f"expected one of {', '.join(choices)}; got {got!r}{_choice(location, str(got), choices)}",
        )
    if kind == "string_type" and isinstance(details["input"], bool):
        written = _written(root, location) or str(details["input"]).lower()
        return location, line, f'YAML takes {written} for true or false; put it between quotes: "{written}"'
    message = details["msg"].removeprefix("Value error, ")
    if kind == "too_short":
        message = f"expected at least {details['ctx']['min_length']}"
    elif kind == "string_pattern_mismatch":
        message = _FORMS.get(_dotted(location), message)
    elif kind == "list_type":
        message = "expected a list" + (
            f", such as [{details['input']}]" if _is_word(details["input"]) else ""
        )
    shown = repr(details["input"])
    got = f"; got {shown[:80]}" if kind != "value_error" else ""
    return location, line, f"{message[0].lower()}{message[1:]}{got}{_as_share(details)}"


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.replace("_", "").isalnum()


def _as_share(details: ErrorDetails) -> str:
    """Returns how a percentage is written where a share of 1 is expected."""
    percent, limits = str(details["input"]).strip(), details.get("ctx", {})
    is_share = details["type"] in ("less_than", "less_than_equal") and 1 in (
        limits.get("lt"),
        limits.get("le"),
    )
    with contextlib.suppress(ValueError):
        if is_share or (details["type"] == "float_parsing" and percent.endswith("%")):
            share = float(percent.rstrip("% ")) / 100
            return f"; {100 * share:g} % is {share:g}" if 0 < share <= 1 else ""
    return ""


def _meant(location: Location) -> str:
    """Returns a question for the field that another name, or a place where it is not, may mean."""
    fields = meant(location)
    section = _dotted(location[:-1])
    own = [field.rpartition(".")[2] for field in fields if field.rpartition(".")[0] == section]
    if own:
        return f"; did you mean {' or '.join(own)}?"
    few = fields if 1 <= len(fields) <= _FEW_PLACES else []
    return _elsewhere(location) or (f"; did you mean {' or '.join(few)}?" if few else "")


def _method_at(location: Location, values: Any) -> str | None:
    """Returns the method whose parameters stand at a location, if any do."""
    for key in location:
        inside: dict[int | str, Any] = values if isinstance(values, dict) else dict(enumerate(values or ()))
        values = inside.get(key)
    name = values.get("method", location[-1] if location else None) if isinstance(values, dict) else None
    return name if location[:1] == ("recipes",) and methods.parameters(name) else None


def _written(root: yaml.Node, location: Location) -> str | None:
    """Returns a scalar as it stands in the file."""
    node: yaml.Node | None = root
    for key in location:
        if isinstance(node, yaml.MappingNode):
            node = next((value for name, value in node.value if name.value == str(key)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key]
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _nearest_node(node: yaml.Node, location: Location) -> yaml.Node:
    """Returns the file's node for a location, or for the nearest place around it that the file has."""
    for position, key in enumerate(location):
        if isinstance(node, yaml.MappingNode):
            entry = next(((name, value) for name, value in node.value if name.value == str(key)), None)
            if not entry:
                return node
            # The key itself is what to point at: a value may begin on a later line.
            node = entry[0] if position == len(location) - 1 else entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
    return node


def _choice(location: Location, got: str, choices: Sequence[str]) -> str:
    """Returns a question for the choice that another value may mean."""
    value = meant_value(location, got)
    return f"; did you mean {value}?" if value in choices else _nearest(got, choices, False)


def _nearest(key: str, allowed: Sequence[str], listed: bool = True) -> str:
    spelled = {each.lower(): each for each in allowed}
    close = difflib.get_close_matches(key.lower(), spelled, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {spelled[close[0]]}?"
    return f"; expected one of {', '.join(allowed)}" if listed and allowed else ""


def _elsewhere(location: Location) -> str:
    """Returns a question for the sections that have a field of the name that stands at a wrong place."""
    name, place = str(location[-1]), [str(key) for key in location[:-1]]
    places = [[], *([section] for section in allowed_keys(()))]
    found = [".".join([*at, name]) for at in places if at != place and name in allowed_keys(tuple(at))]
    found = [each for each in found if each != _dotted(location)]
    return f"; did you mean {' or '.join(found)}?" if 1 <= len(found) <= _FEW_PLACES else ""


def _dotted(location: Location) -> str:
    return ".".join(str(key) for key in location)
