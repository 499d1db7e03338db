from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.data.champion.reference import Reference
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare.prepare import PreparedSummary
from trimtab.errors import ArtifactError

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]


def test_it_is_what_a_dataset_knows_of_its_training_rows(prepared: Prepare) -> None:
    dataset, found = prepared(train="sklearn://iris")
    reference = Reference.load(dataset.path, None)
    assert reference.schema == dataset.schema
    assert reference.train is not None
    assert reference.train.to_dict() == found.train.to_dict()


def test_statistics_may_be_lost(prepared: Prepare) -> None:
    dataset, _ = prepared(train="sklearn://iris")
    (dataset.path / "statistics.json").unlink()
    assert Reference.load(dataset.path, None) == Reference(dataset.schema, None)


@pytest.mark.parametrize("name", ["schema.json", "statistics.json"])
@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"train": {"rows": 3}}'])
def test_what_is_damaged_is_named(prepared: Prepare, name: str, content: str) -> None:
    dataset, _ = prepared(train="sklearn://iris")
    (dataset.path / name).write_text(content)
    with pytest.raises(ArtifactError, match="no usable"):
        Reference.load(dataset.path, None)


def test_a_missing_schema_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"schema\.json"):
        Reference.load(tmp_path, None)
