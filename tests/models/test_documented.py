"""What docs/models.md says, held against the code."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from pathlib import Path

import keras_tuner
import pytest

from trimtab.config.model import Model
from trimtab.models import registry
from trimtab.models.spec import InputSpec, ModelSpec
from trimtab.registry import ARCHITECTURES, module

IMAGES = ModelSpec("image", "classification", (8, 8, 1), "float32", 10)
SPECS = {
    "tables": ModelSpec("tabular", "regression", (7,), "float32", 1),
    "images": IMAGES,
    "audio": ModelSpec("audio", "classification", (49, 40, 1), "float32", 12),
    "text": ModelSpec("text", "classification", (30,), "int32", 2, 500),
    "ids": ModelSpec("ids", "regression", (1,), "int32", 1, 12),
    "several inputs": ModelSpec(
        "named",
        "classification",
        (64,),
        "uint8",
        2,
        inputs={"a": InputSpec("tabular", (7,), "float32"), "b": InputSpec("ids", (9,), "int32", 12)},
    ),
}


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "models.md").read_text()


def test_the_example_is_a_builder_that_works(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall("```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "documented_model.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    for spec in (IMAGES, SPECS["tables"]):
        hp = keras_tuner.HyperParameters()
        built = registry.build(Model(builder="documented_model:build", params={"width": 32}), spec, hp)
        assert built.layers[2].units == 32
        assert {parameter.name for parameter in hp.space} == {"width", "dropout"}


def asked_of(name: str, spec: ModelSpec) -> ModelSpec:
    """Returns what an architecture is asked for; one that does nothing else, to repeat its input."""
    if getattr(module(ARCHITECTURES, name), "ANSWERS_PIXELS", False):
        return replace(spec, task="segmentation", outputs=3 * math.prod(spec.input_shape[:2]), answers={})
    if not getattr(module(ARCHITECTURES, name), "REPEATS_ITS_INPUT", False):
        return spec
    return replace(spec, task="anomaly", outputs=math.prod(spec.input_shape), answers={})


def test_the_table_of_architectures_is_complete(page: str) -> None:
    _, *rows = re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \| (.+) \|$", page, re.MULTILINE)
    assert {name for name, *_ in rows} == set(ARCHITECTURES)
    for name, kinds, parameters in rows:
        hp = keras_tuner.HyperParameters()
        registry.build(Model(architecture=name), asked_of(name, SPECS[kinds.split(", ")[0]]), hp)
        assert set(re.findall(r"`(\w+)`", parameters)) == {p.name for p in hp.space if "/" not in p.name}
    listed = {(name, SPECS[kind].kind) for name, kinds, _ in rows for kind in kinds.split(", ")}
    asked = [asked_of(name, spec) for name in ARCHITECTURES for spec in SPECS.values()]
    assert listed == {(n, spec.kind) for spec in asked for n in registry.fitting(spec)}


def test_the_table_of_the_spec_is_complete(page: str) -> None:
    (table,) = re.findall(r"\| `spec` \| is \|\n(.*?)\n\n", page, re.DOTALL)
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [field.name for field in fields(ModelSpec)]
