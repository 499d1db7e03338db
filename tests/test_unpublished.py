"""What a library does not publish is used in one file, so that an upgrade is one page: docs/upgrade.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [file for room in ("src", "components", "pipelines") for file in (ROOT / room).rglob("*.py")]
FILES = {
    "src/trimtab/models/keras_graph.py": "tests/models/test_keras_graph.py",
    "src/trimtab/models/saved_model/unpublished.py": "tests/models/saved_model/test_frozen.py",
    "src/trimtab/compress/tfmot/unpublished.py": "tests/compress/tfmot/test_unpublished.py",
    "src/trimtab/runtimes/litert/traits.py": "tests/runtimes/test_contract.py",
    "src/trimtab/runtimes/litert/calibrated.py": "tests/runtimes/litert/test_calibrated.py",
    "src/trimtab/storage/gcs/client.py": "tests/faults/test_matrix.py",
    "src/trimtab/deploy/serving/connection.py": "tests/deploy/serving/test_connection.py",
    "src/trimtab/stages/tensorflow_state.py": "tests/stages/test_tensorflow_state.py",
    "src/trimtab/cli/kfp_local.py": "tests/cli/test_kfp_local.py",
    "src/trimtab/cli/kubeflow/client.py": "tests/cli/kubeflow/test_connection.py",
}
"""The files that may reach into a library, a file an interface, with the tests of what is needed of it."""

MODULES = (
    "keras.src",
    "tf_keras.src",
    "tensorflow.python",
    "tensorflow.lite.python",
    "tensorflow_model_optimization.python",
    "kfp.local.",
)
"""Modules that are no interface although their names have no underscore."""

OF_PYTHON = {"_exit", "_replace"}
"""Documented names of the standard library that begin like private ones."""


def _own_names(trees: dict[Path, ast.Module]) -> set[str]:
    """Returns the private names that trimtab's own classes and modules define."""
    names: set[str] = set()
    for node in (node for tree in trees.values() for node in ast.walk(tree)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _reaching(tree: ast.Module, own: set[str]) -> Iterator[str]:
    """Yields each use of what some library does not publish."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if (
                name[0] == "_" and name[:2] != "__" and name not in own | OF_PYTHON
            ):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.ImportFrom(module=str(module)) if module.startswith(MODULES):
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.fixture(scope="module")
def reaching() -> dict[str, list[str]]:
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in SOURCES}
    own = _own_names(trees)
    uses = {str(file.relative_to(ROOT)): list(_reaching(tree, own)) for file, tree in trees.items()}
    return {file: lines for file, lines in uses.items() if lines}


def test_nothing_else_reaches_into_a_library(reaching: dict[str, list[str]]) -> None:
    assert {file: lines for file, lines in reaching.items() if file not in FILES} == {}


def test_every_file_that_may_is_there_and_does(reaching: dict[str, list[str]]) -> None:
    assert set(FILES) <= set(reaching)
    assert all((ROOT / tests).is_file() for tests in FILES.values())
