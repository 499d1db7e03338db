from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trimtab.deploy import promotion, servable
from trimtab.deploy.history import history
from trimtab.deploy.switch import promote, rollback
from trimtab.errors import DeployError
from trimtab.storage.store import open_store


def metadata(number):
    latency = {"p50": 0.25, "p95": 0.5, "p99": 0.75}
    candidate = {
        "id": "none--int8",
        "metrics": {"accuracy": 0.9 + number / 100},
        "size_bytes": 1000 * number,
        "latency_ms": latency,
        "ok": True,
    }
    return json.dumps({"name": "digits", "run": f"runs/{number}", "verdict": "", "candidate": candidate})


@pytest.fixture
def deployed(anywhere, make_selection, schema, monkeypatch):
    """Returns a repository of three versions; 1 was promoted three times, 3 never."""
    monkeypatch.setattr(servable, "check", lambda *a: servable.Check())
    for number in (1, 2):
        promotion.deploy(
            anywhere, make_selection(number), schema, metadata(number), by="pipeline", forced=number == 2
        )
    promote(anywhere, 1, reason="2 is slow", by="anna@laptop")
    rollback(anywhere)
    rollback(anywhere)

    def fails(*arguments):
        raise DeployError("not servable")

    monkeypatch.setattr(servable, "check", fails)
    with pytest.raises(DeployError):
        promotion.deploy(anywhere, make_selection(3), schema, metadata(3))
    return anywhere


def states(found):
    return [(one.version, one.state) for one in found.versions]


def test_every_version_there_is_and_every_move(deployed):
    found = history(deployed)
    assert (found.champion, found.problem) == (1, "")
    assert states(found) == [(1, "champion"), (2, "former"), (3, "never")]
    third = found.versions[2]
    assert (third.run, third.candidate, third.size_bytes) == ("runs/3", "none--int8", 3000)
    assert (third.metrics, third.latency_ms) == ({"accuracy": 0.93}, 0.25)
    actions = [(made.version, made.action) for made in found.moves]
    assert actions == [
        (1, "deploy"),
        (2, "deploy"),
        (1, "promote"),
        (2, "rollback"),
        (1, "rollback"),
    ]
    assert [made.forced for made in found.moves] == [False, True, False, False, False]
    assert (found.moves[2].by, found.moves[2].reason) == ("anna@laptop", "2 is slow")


def test_what_is_wrong_is_shown_beside_the_rest(deployed):
    store = open_store(deployed)
    store.write("2/metadata.json", b"{")
    store.write("3/metadata.json", b'{"candidate": null}')  # it could be read, and is not what was deployed
    assert states(history(deployed)) == [(1, "champion"), (2, "damaged"), (3, "damaged")]
    store.write("champion.json", b"{")
    found = history(deployed)
    assert found.champion is None
    assert "champion.json: the file is damaged" in found.problem
    assert states(found) == [(1, "unknown"), (2, "damaged"), (3, "damaged")]


def test_whether_a_version_was_the_champion_stays_unknown_after_the_pointer_was_replaced(
    deployed, monkeypatch
):
    open_store(deployed).write("champion.json", b"{")
    monkeypatch.setattr(servable, "check", lambda *a: servable.Check())
    promote(deployed, 2)
    assert states(history(deployed)) == [(1, "unknown"), (2, "champion"), (3, "unknown")]


def test_a_version_that_has_gone_is_shown_as_missing(deployed, request):
    if deployed.startswith("gs://"):
        request.getfixturevalue("emulator").state.delete("bucket", "deployed/digits/2/.whole.json", None)
    else:
        shutil.rmtree(Path(deployed) / "2")
    assert states(history(deployed)) == [(1, "champion"), (2, "missing"), (3, "never")]


def test_where_nothing_was_deployed(anywhere):
    with pytest.raises(DeployError, match=r"no model was deployed here\n.*deploy\.target"):
        history(anywhere)
