"""What is kept of the training of a version: whole, bound to its deployment, or a typed error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trimtab.artifacts import training
from trimtab.deploy import promotion
from trimtab.deploy.repository import Repository
from trimtab.errors import ArtifactError, DeployError


@pytest.fixture
def deployed(target, make_selection, make_training, schema):
    """Returns a repository of two versions, with what they were trained from."""
    for seed in (1, 2):
        promotion.deploy(target, make_selection(seed), schema, "{}", training=make_training(seed))
    return Repository(target)


def test_a_version_has_what_it_was_trained_from(deployed):
    with deployed.training(2) as found, deployed.fetched(2) as served:
        assert (found.path / training.MODEL_FILE).read_bytes() == b"model 2"
        assert served.lineage["training"] == found.digest
        assert training.read(found).candidate == "none--none"
    assert deployed.versions() == [1, 2]


@pytest.mark.parametrize("name", ["model.keras", "compressed.keras", "statistics.json", "training.json"])
def test_a_damaged_file_is_named_where_it_lies(deployed, name):
    file = Path(deployed.uri) / "training" / "1" / name
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ArtifactError, match=f"digits/training/1/{name}"), deployed.training(1):
        pass


def test_the_training_of_another_version_is_refused(deployed):
    directory = Path(deployed.uri) / "training"
    shutil.rmtree(directory / "2")
    shutil.copytree(directory / "1", directory / "2")
    with pytest.raises(ArtifactError, match=r"training/2: it belongs to another"), deployed.training(2):
        pass


def test_what_is_not_there_is_a_typed_error(deployed):
    shutil.rmtree(Path(deployed.uri) / "training" / "2")
    with pytest.raises(DeployError, match="nothing is stored of the training"), deployed.training(2):
        pass
    with pytest.raises(DeployError, match="there is no version 7"), deployed.training(7):
        pass


def test_a_record_of_another_trimtab_is_a_typed_error(deployed):
    with deployed.training(1) as found:
        (found.path / training.RECORD_FILE).write_text('{"unknown": 1}')
        with pytest.raises(ArtifactError, match="another version of trimtab"):
            training.read(found)


def test_a_number_is_taken_by_either_part(deployed, make_selection, schema):
    # A deployment died after the first part, and the counter was lost since.
    shutil.copytree(Path(deployed.uri) / "training" / "1", Path(deployed.uri) / "training" / "3")
    (Path(deployed.uri) / "versions.json").unlink()
    assert promotion.deploy(deployed.uri, make_selection(4), schema, "{}").version == 4
    assert deployed.versions() == [1, 2, 4]


def test_what_was_brought_and_not_trained_says_so(target, make_selection, schema):
    promotion.deploy(target, make_selection(1), schema, "{}")
    with pytest.raises(DeployError, match="version 1 was not trained here"), Repository(target).training(1):
        pass
