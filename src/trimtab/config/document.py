"""A text of YAML: its values and the line of each, or an error that says where it cannot be used."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import yaml

from trimtab.errors import ConfigError

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
MAX_DEPTH = 50

_OWN_TAGS = "tag:yaml.org,2002:"
_TEXT, _NUMBERS = f"{_OWN_TAGS}str", (f"{_OWN_TAGS}int", f"{_OWN_TAGS}float")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also stops early at too much and says where a value is none of its type."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested more than {MAX_DEPTH} deep", problem_mark=mark)
        if self.nodes > 2 * MAX_NODES:  # keys are nodes, too
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_NODES:,} values", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """Returns a tag; what YAML 1.1 takes for a number to the base of 60, such as 1:30, is text."""
        tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        return _TEXT if kind is yaml.ScalarNode and tag in _NUMBERS and ":" in value else tag

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Returns a mapping whose keys are text as it stands: YAML 1.1 takes yes, no and on for booleans."""
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag.startswith(_OWN_TAGS) and key.value != "<<":
                key.tag = _TEXT
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, ArithmeticError):
            # What PyYAML's own constructors let through of 2020-13-45, of `!!bool x`, of 5,000 digits.
            kind = node.tag.rpartition(":")[2]
            problem = f"{str(node.value)[:40]} is no {kind}; put text between quotes"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


def read(path: Path) -> tuple[yaml.MappingNode, dict[str, Any]]:
    """Returns a file's node tree, which knows the line of every value, and its values.

    Raises:
        ConfigError: If the file cannot be read, or is no mapping, or what `parse` refuses.
    """
    try:
        found = path.stat()
        if stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode):
            raise ConfigError("expected a file, found a pipe or a device", path=str(path))
        if found.st_size > MAX_BYTES:
            raise ConfigError(f"expected a config of at most {MAX_BYTES:,} bytes", path=str(path))
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            error.strerror or "cannot be read", path=str(path), hint="Check the path."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"expected UTF-8 text: {error.reason} at byte {error.start}", path=str(path)
        ) from None
    root, values = parse(text, str(path))
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(
            "expected a mapping with at least the sections data and model",
            path=str(path),
            hint="See README.md.",
        )
    return root, values


def parse(text: str, path: str, field: str | None = None) -> tuple[yaml.Node | None, Any]:
    """Returns the node tree of a text of YAML, and its values.

    Args:
        text: What to parse.
        path: What an error names as its place: a file, or ``--set``.
        field: The field that an error names; the lines of the text are then nobody's, and left out.

    Raises:
        ConfigError: If it is not YAML, gives a key twice, or is too large or too deep.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        _check_nodes(root, path)
        return root, loader.construct_document(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        line = mark.line + 1 if mark and field is None else None
        raise ConfigError(f"not valid YAML: {problem}", path=path, line=line, field=field) from None


def _check_nodes(root: yaml.Node, path: str) -> None:
    """Refuses duplicate keys, which YAML would drop silently, and aliases that multiply into a bomb."""
    pending, visited = [root], 0
    while pending:
        node = pending.pop()
        visited += 1
        if visited > MAX_NODES:
            raise ConfigError(f"expected at most {MAX_NODES:,} values, aliases expanded", path=path)
        if isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            _check_keys(node, path)
            pending.extend(value for _, value in node.value)


def _check_keys(mapping: yaml.MappingNode, path: str) -> None:
    keys: set[str] = set()
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # no key that Python can have either: constructing it says so
        if key.value in keys:
            line = key.start_mark.line + 1
            raise ConfigError("is given twice; keep one", path=path, line=line, field=key.value)
        keys.add(key.value)
