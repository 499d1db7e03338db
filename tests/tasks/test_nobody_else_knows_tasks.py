"""Outside `tasks/` nobody compares a task's name with a string, nor looks for a metric by its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import trimtab
from trimtab.registry import TASKS
from trimtab.tasks.registry import task

ROOT = Path(trimtab.__file__).parent
NAMES = {*TASKS, *(task(name).judging.headline.metric for name in TASKS), "rmse"}
OUTSIDE = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parts[0] != "tasks"]
TEMPLATES = sorted(ROOT.rglob("*.j2"))


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields where a name is compared with, subscripted by, or asked of a mapping."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.Subscript):
            asked = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            asked = node.args[:1]
        else:
            continue
        for found in (each for one in asked for each in ast.walk(one)):
            if isinstance(found, ast.Constant) and found.value in NAMES:
                yield node.lineno, str(found.value)


@pytest.mark.parametrize(
    "text",
    [
        "x == 'regression'",
        "'mae' in metrics",
        "metrics['accuracy']",
        "m.get('mae')",
        "t in ('a', 'toy', 'mae')",
    ],
)
def test_the_search_finds_what_it_is_for(text: str) -> None:
    assert list(names_in(ast.parse(text)))


def test_no_module_does() -> None:
    assert len(OUTSIDE) > 300
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in OUTSIDE
        for line, name in names_in(ast.parse(path.read_text()))
    ]
    assert found == []


def test_no_template_does() -> None:
    assert TEMPLATES
    words = re.compile(rf"\b({'|'.join(NAMES)})\b", re.IGNORECASE)
    found = [(path.name, words.findall(path.read_text())) for path in TEMPLATES]
    assert [(name, names) for name, names in found if names] == []
