"""What is served is what the pointer names, and what was deployed under that number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trimtab.deploy import champion as champions
from trimtab.deploy import promotion, servable, switch
from trimtab.deploy.repository import CHAMPION_FILE, Repository
from trimtab.errors import ArtifactError, DeployError, NewerError, TrimtabError


@pytest.fixture
def target(tmp_path, monkeypatch, make_selection, schema):
    """Returns a repository with three versions, of which the last one is the champion."""
    monkeypatch.setattr(servable, "check", lambda *_: servable.Check())
    uri = str(tmp_path / "models")
    for seed in (1, 2, 3):
        promotion.deploy(uri, make_selection(seed), schema, "{}")
    return Path(uri)


def test_no_flipped_bit_of_the_pointer_serves_another_version(target):
    pointer = target / CHAMPION_FILE
    content, champion = pointer.read_bytes(), Repository(str(target)).champion()
    others = 0
    for place in range(len(content)):
        for bit in range(8):
            flipped = content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
            try:
                found = Repository(str(target)).parse(flipped)
            except TrimtabError:
                continue
            # Blanks between values, and the name of the checksum's field, say nothing.
            assert (found.version, found.previous) == (champion.version, champion.previous)
            assert found.history == champion.history
            others += 1
    assert others < 0.2 * 8 * len(content)


@pytest.mark.parametrize(("stale", "number"), [(3, 2), (2, 3)])
def test_a_version_in_the_place_of_another_is_refused(target, stale, number):
    with Repository(str(target)).fetched(number) as found:
        assert found.lineage["selection"] == Repository(str(target)).champion().selection_of(number)
    shutil.rmtree(target / str(number))
    shutil.copytree(target / str(stale), target / str(number))
    with (
        pytest.raises(ArtifactError, match="it is not what was deployed under this number"),
        Repository(str(target)).fetched(number),
    ):
        pass


def test_a_manifest_that_names_no_selection_is_told(target):
    manifest = target / "2" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["lineage"]["selectioo"] = content["lineage"].pop("selection")
    manifest.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="the manifest is damaged: its content is not what"):
        switch.promote(str(target), 2)
    del content["content_sha256"]
    manifest.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="the manifest is damaged: it names no selection"):
        switch.promote(str(target), 2)


def test_a_pointer_whose_parts_contradict_each_other_is_told_and_can_be_replaced(target):
    pointer = target / CHAMPION_FILE
    pointer.write_text(pointer.read_text().replace('"version": 3', '"version": 2', 1))
    with pytest.raises(DeployError, match="its parts contradict each other"):
        Repository(str(target)).champion()
    assert switch.promote(str(target), 2).repaired
    assert Repository(str(target)).champion().version == 2


def test_a_pointer_of_a_newer_trimtab_is_left_as_it_is(target):
    pointer = target / CHAMPION_FILE
    written = json.dumps(json.loads(pointer.read_text()) | {"schema_version": 2, "history": "elsewhere"})
    pointer.write_text(written)
    for refused in (lambda: switch.promote(str(target), 2), lambda: switch.rollback(str(target))):
        with pytest.raises(NewerError, match="a newer trimtab wrote it: schema version 2") as caught:
            refused()
        assert "promote" not in caught.value.hint
    with pytest.raises(NewerError):
        champions.take(str(target), target.parent)
    assert pointer.read_text() == written


def test_a_pointer_that_an_older_trimtab_has_moved_is_read(target):
    """It keeps the checksum, which it does not know, and adds a move."""
    pointer = target / CHAMPION_FILE
    content = json.loads(pointer.read_text())
    moved = {**content["history"][0], "action": "promote"}
    content.update(version=1, previous=3, history=[*content["history"], moved])
    pointer.write_text(json.dumps(content))
    assert Repository(str(target)).champion().version == 1
