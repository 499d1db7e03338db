"""Promotion and rollback: on this machine and in a bucket, what is served is always whole."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from trimtab.deploy import promotion, servable
from trimtab.deploy.moves import Champion, Promotion
from trimtab.deploy.repository import Repository
from trimtab.deploy.switch import promote, rollback
from trimtab.errors import ArtifactError, DeployError
from trimtab.storage.store import open_store


@pytest.fixture
def deployed(anywhere, make_selection, schema, monkeypatch):
    """Returns a repository of three versions; the fresh process is left out while they are made."""
    with monkeypatch.context() as patched:
        patched.setattr(servable, "check", lambda *a: servable.Check())
        for seed in (1, 2, 3):
            promotion.deploy(anywhere, make_selection(seed), schema, "{}", by="pipeline")
    return anywhere


@pytest.fixture
def unchecked(monkeypatch):
    """Leaves out the fresh process, where the test is about which version is chosen."""
    monkeypatch.setattr(servable, "check", lambda *a: servable.Check())


def champion(target):
    return Repository(target).champion()


def flip(target, name):
    store = open_store(target)
    content = bytearray(store.read(name))
    content[len(content) // 2] ^= 1
    store.write(name, bytes(content))


def test_a_promoted_version_is_the_champion_and_the_history_says_why(deployed):
    made = promote(deployed, 1, reason="3 is slow", by="anna@laptop")
    assert (made.version, made.previous, made.moved, made.repaired) == (1, 3, True, False)
    now = champion(deployed)
    assert (now.version, now.previous) == (1, 3)
    last = now.history[-1]
    assert (last.action, last.by, last.reason) == ("promote", "anna@laptop", "3 is slow")
    with Repository(deployed).fetched(1) as found:
        assert last.selection == found.lineage["selection"]


def test_the_present_champion_is_promoted_without_a_move(deployed):
    before = Repository(deployed).pointer()
    assert not promote(deployed, 3).moved
    assert Repository(deployed).pointer() == before


def test_a_rollback_goes_back_one_champion_at_a_time(deployed, unchecked):
    assert rollback(deployed, reason="bad").version == 2
    assert rollback(deployed).version == 1
    with pytest.raises(DeployError, match=r"no champion before version 1\n.*promote .* 3` chooses it"):
        rollback(deployed)
    assert [made.action for made in champion(deployed).history] == ["deploy"] * 3 + ["rollback"] * 2


def test_a_rollback_never_goes_to_what_was_rolled_back(deployed, unchecked, make_selection, schema):
    rollback(deployed)
    promotion.deploy(deployed, make_selection(4), schema, "{}")
    assert rollback(deployed).version == 2
    promote(deployed, 4)
    promote(deployed, 3)
    assert [rollback(deployed).version for _ in range(3)] == [4, 2, 1]


@pytest.mark.parametrize("file", ["model.tflite", "golden.npz", "schema.json", "manifest.json"])
def test_a_damaged_version_is_refused_and_another_one_named(deployed, unchecked, file):
    before = Repository(deployed).pointer()
    flip(deployed, f"2/{file}")
    with pytest.raises((ArtifactError, DeployError), match="digits/2"):
        promote(deployed, 2)
    with pytest.raises(DeployError, match=r"version 2, the champion before, cannot be served") as caught:
        rollback(deployed)
    assert f"`trimtab promote {deployed} 1` chooses it" in str(caught.value)
    assert Repository(deployed).pointer() == before


def test_a_damaged_champion_can_be_rolled_back(deployed, unchecked):
    flip(deployed, "3/model.tflite")
    assert rollback(deployed).version == 2


def test_a_missing_version_is_refused_and_another_one_named(deployed, unchecked, request):
    if deployed.startswith("gs://"):
        state = request.getfixturevalue("emulator").state
        state.delete("bucket", "deployed/digits/2/.whole.json", None)
    else:
        shutil.rmtree(Path(deployed) / "2")
    with pytest.raises(DeployError, match="there is no version 2\n  The versions there are: 1, 3"):
        promote(deployed, 2)
    flip(deployed, "1/model.tflite")
    with pytest.raises(DeployError, match=r"there is no version 2\n  There is no other whole version"):
        rollback(deployed)
    assert champion(deployed).version == 3


def test_a_version_that_answers_otherwise_is_refused(anywhere, make_selection, schema):
    first = make_selection(1, error=1e-3)
    with pytest.raises(DeployError):
        promotion.deploy(anywhere, first, schema, "{}")
    promotion.deploy(anywhere, make_selection(2), schema, "{}")
    with pytest.raises(DeployError, match=r"digits/1: not servable: .* differ from the golden"):
        promote(anywhere, 1)
    assert champion(anywhere).version == 2


def test_a_damaged_pointer_is_repaired_and_the_history_says_so(deployed, unchecked):
    open_store(deployed).write("champion.json", b'{"version": 3, "previ')
    with pytest.raises(DeployError, match=r"champion\.json: the file is damaged: .*\n.*trimtab promote"):
        rollback(deployed)
    assert promote(deployed, 2, reason="repair").repaired
    now = champion(deployed)
    assert (now.version, now.previous) == (2, None)
    assert re.fullmatch(r"repair \(champion\.json was damaged.*\)", now.history[0].reason)


def test_what_a_newer_trimtab_wrote_into_the_pointer_is_kept(deployed, unchecked):
    store = open_store(deployed)
    content = json.loads(store.read("champion.json"))
    content["history"][0] |= {"action": "added_later", "ticket": 7}
    history = [Promotion(**move) for move in content["history"]]
    before = Champion(version=2, previous=1, history=history[:-1])
    content["moves_sha256"] = Champion.after(before, history[-1]).moves_sha256
    store.write("champion.json", json.dumps({**content, "region": "eu"}).encode())
    promote(deployed, 1, reason="3 is slow")
    now = json.loads(store.read("champion.json"))
    assert now["region"] == "eu"
    assert now["history"][:-1] == content["history"]


def test_one_that_was_slower_says_who_was_faster(deployed, unchecked, monkeypatch):
    check = servable.check

    def beaten(*arguments):
        monkeypatch.setattr(servable, "check", check)
        promote(deployed, 1, by="anna@laptop")
        return check(*arguments)

    for slower in (lambda: promote(deployed, 2), lambda: rollback(deployed)):
        monkeypatch.setattr(servable, "check", beaten)
        with pytest.raises(DeployError, match=r"\d was not promoted: .* version 1, by anna@laptop at"):
            slower()
        assert champion(deployed).version == 1
        promote(deployed, 3)


def test_where_nothing_was_deployed(anywhere):
    with pytest.raises(DeployError, match="there is no version 1\n  No model was deployed here"):
        promote(anywhere, 1)
    with pytest.raises(DeployError, match="no model was deployed here"):
        rollback(anywhere)
    assert not open_store(anywhere).names()
