"""What `trimtab clean` removes, here and in the cloud."""

import itertools
import os
import shutil
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from trimtab.artifacts import store as stores
from trimtab.artifacts.store import ContentStore
from trimtab.artifacts.sweep import sweep
from trimtab.cli import main
from trimtab.storage.store import open_store

DAY_S = 86_400


class Note(BaseModel):
    """What an entry is about."""

    text: str


@pytest.fixture(params=["here", "there"])
def output(request, tmp_path, emulator):
    return str(tmp_path / "runs") if request.param == "here" else "gs://bucket/runs"


@pytest.fixture
def pass_time(output, emulator):
    """Returns a function that makes everything so far older."""
    # In the cloud, generations are microseconds since 1970.
    emulator.state._generations = itertools.count(int(time.time() * 1e6))

    def older(days):
        for stored in emulator.state.bucket("bucket").values():
            stored.meta["generation"] = str(int(stored.meta["generation"]) - days * DAY_S * 10**6)
        if output.startswith("gs://"):
            return
        for file in Path(output).rglob("*"):
            seconds = file.stat().st_mtime - days * DAY_S
            os.utime(file, (seconds, seconds))

    return older


def entry(output, run, text, files=0):
    store = ContentStore(f"{output}/{run}")
    ref = stores.reference("model", text=text)
    if store.find(ref) is None:
        with store.create(ref) as draft:
            (draft.path / "file").write_bytes(b"x" * files)
            draft.summary = Note(text=text)
    return ref


def end(output, run):
    open_store(f"{output}/{run}").write("result.json", b"{}")


def test_what_a_run_needs_that_has_not_ended_is_kept_however_old(output, pass_time):
    old = entry(output, "1", "old")
    pass_time(days=400)
    assert sweep(output, DAY_S) == []
    end(output, "1")
    assert sweep(output, DAY_S) == [], "it may have gone on just now"
    pass_time(days=1)
    assert [swept.ref for swept in sweep(output, DAY_S / 2)] == [old]


def test_what_a_run_needs_that_goes_on_is_kept(output, pass_time):
    entry(output, "1", "old")
    end(output, "1")
    pass_time(days=40)
    open_store(f"{output}/1").write("checkpoints/train/5.checkpoint", b"")
    assert sweep(output, DAY_S) == []


def test_what_no_run_has_used_for_long_is_removed(output, pass_time):
    old = entry(output, "1", "old", files=1000)
    again = entry(output, "1", "used again")
    end(output, "1")
    pass_time(days=20)
    new = entry(output, "2", "new")
    assert entry(output, "2", "used again") == again

    assert [(swept.ref, swept.size_bytes) for swept in sweep(output, 10 * DAY_S, dry_run=True)] == [
        (old, 1000)
    ]
    assert ContentStore(f"{output}/1")._artifacts.manifest(old, "model") is not None
    assert [swept.ref for swept in sweep(output, 10 * DAY_S)] == [old]
    left = ContentStore(f"{output}/3")
    assert left.find(old) is None
    assert None not in (left.find(again), left.find(new))
    assert sweep(output, 10 * DAY_S) == []


def test_what_a_run_left_unfinished_is_removed_too(tmp_path):
    part = tmp_path / "store" / "model" / ".0a1b.c2.part"
    part.mkdir(parents=True)
    (part / "model.keras").write_bytes(b"half of it")
    seconds = time.time() - 2 * DAY_S
    os.utime(part / "model.keras", (seconds, seconds))
    assert [swept.ref for swept in sweep(str(tmp_path), DAY_S)] == ["model/.0a1b.c2.part"]
    assert list((tmp_path / "store" / "model").iterdir()) == []


def test_the_command(tmp_path, capsys):
    ref = entry(str(tmp_path), "1", "text", files=2_000_000)
    shutil.rmtree(tmp_path / "1")
    arguments = ["clean", "--output", str(tmp_path), "--older-than", "0"]
    said = []
    for more in (["--dry-run"], [], []):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, *more])
        assert stopped.value.code == 0
        said.append(capsys.readouterr().out)
    assert said[0].startswith(ref)
    assert said[0].endswith("1 entries, 2.0 MB: would be removed\n")
    assert said[1:] == ["1 entries, 2.0 MB: removed\n", "0 entries, 0.0 MB: removed\n"]


def test_nothing_is_there_yet(output):
    assert sweep(output, 0) == []
