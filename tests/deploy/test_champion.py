from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trimtab.deploy import champion, promotion
from trimtab.errors import StorageError
from trimtab.storage.store import LocalStore


@pytest.fixture
def served(target, make_selection, make_training, schema) -> Path:
    """Returns a repository with one version, and the champion is it."""
    metadata = '{"candidate": {"recipe": {"prune": {"method": "none"}, "quantize": {"method": "int8"}}}}'
    promotion.deploy(target, make_selection(1), schema, metadata, training=make_training(1))
    return Path(target)


@pytest.fixture
def taken(target, tmp_path):
    def take():
        (tmp_path / "snapshot").mkdir()
        return champion.take(target, tmp_path / "snapshot")

    return take


def test_a_whole_champion_is_copied_with_its_pointer(served, taken):
    found = taken()
    assert (found.plan.version, found.plan.usable, found.plan.warm, found.plan.reasons) == (1, True, True, [])
    assert found.pointer == (served / "champion.json").read_bytes()
    assert found.recipe() == [{"none": {}}, {"runtime": "litert"}], "the training record's"


def test_without_its_training_the_recipe_is_the_deployments(served, taken):
    shutil.rmtree(served / "training")
    found = taken()
    assert (found.plan.usable, found.plan.warm, found.training, found.record) == (True, False, None, None)
    made, runtime = found.recipe()
    assert made["int8"].items() >= {"calibration_examples": 200, "ranges": "auto"}.items()
    assert runtime == {"runtime": "litert"}


def test_one_that_cannot_be_served_may_still_be_started_from(served, taken):
    (served / "1" / "model.tflite").unlink()
    found = taken()
    assert (found.plan.usable, found.plan.warm, found.deployment) == (False, True, None)
    assert found.plan.reasons[0].startswith("champion v1 cannot be served: ")


def test_a_store_that_cannot_be_reached_is_an_error_and_no_missing_champion(served, taken, monkeypatch):
    def unreachable(*_: object) -> bytes:
        raise StorageError("the deadline is over")

    monkeypatch.setattr(LocalStore, "get_directory", unreachable)
    with pytest.raises(StorageError):
        taken()
