"""What is read again of a task's record."""

from __future__ import annotations

import types
import typing

import pytest
from pydantic import BaseModel

from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.deployment import DeploySummary
from trimtab.artifacts.evaluation import Evaluation
from trimtab.artifacts.file import FileSummary
from trimtab.artifacts.inside import LayerInside, LayersInside
from trimtab.artifacts.model import ModelSummary, TrainSummary
from trimtab.artifacts.record import StageRecord
from trimtab.artifacts.selection import SelectSummary

SUMMARIES = [
    Comparison,
    DatasetSummary,
    DeploySummary,
    Evaluation,
    FileSummary,
    LayersInside,
    ModelSummary,
    SelectSummary,
    TrainSummary,
]


def test_a_layer_that_nothing_is_compared_with_is_read_again() -> None:
    """A recurrent model's files have such layers: they cost the run its whole record."""
    layers = LayersInside(layers=[LayerInside(name="while", kind="WHILE", size_bytes=64)])
    record = StageRecord(stage="quantize", ok=True, summary=layers.model_dump(mode="json"))
    assert record.read(LayersInside) == layers


@pytest.mark.parametrize("summary", SUMMARIES)
def test_what_may_be_null_has_a_default(summary: type[BaseModel]) -> None:
    """A record is read without its nulls: JSON writes them for numbers that are not finite, too."""
    wanting = [
        f"{model.__name__}.{name}"
        for model in _within(summary, set())
        for name, field in model.model_fields.items()
        if field.is_required() and type(None) in typing.get_args(field.annotation)
    ]
    assert wanting == []


def _within(kind: typing.Any, seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """Returns the models that a type holds, however deep."""
    is_class = isinstance(kind, type) and not isinstance(kind, types.GenericAlias)
    if is_class and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        for field in kind.model_fields.values():
            _within(field.annotation, seen)
    for inner in typing.get_args(kind):
        _within(inner, seen)
    return seen
