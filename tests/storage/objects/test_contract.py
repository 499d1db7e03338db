"""What every store keeps to, whoever keeps the objects: over the registry, and over a toy."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from trimtab import registry
from trimtab.config.data import Data
from trimtab.errors import ArtifactError, ConfigError
from trimtab.storage.artifacts import open_artifacts
from trimtab.storage.files import fetched
from trimtab.storage.follow import Follower
from trimtab.storage.mirror import mirror
from trimtab.storage.objects.base import NOTHING, Entry
from trimtab.storage.objects.limits import DEFAULT
from trimtab.storage.objects.location import Location, is_remote, kinds
from trimtab.storage.store import open_store

SERVERS = {"gs": "emulator", "s3": "s3_emulator", "minio": "s3_emulator"}
"""The fixture that serves a store's bucket ``bucket``, by the scheme."""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Makes the toy a store like the others, by what would be one line of the registry."""
    (tmp_path / "toys" / "bucket").mkdir(parents=True)
    monkeypatch.setenv("TOY_STORE", str(tmp_path / "toys"))
    monkeypatch.setitem(registry.STORES, "toy", "storage.objects.toy_store")


@pytest.fixture(params=[*SERVERS.items(), ("s3", "moto_s3"), ("toy", "toy")], ids="-".join)
def uri(request):
    """Returns a place in a bucket of each store."""
    scheme, server = request.param
    request.getfixturevalue(server)
    return f"{scheme}://bucket/deep/prefix"


@pytest.fixture
def objects(uri):
    return Location.parse(uri).objects(DEFAULT)


def test_every_store_has_a_server_to_be_tested_with():
    assert set(SERVERS) == set(registry.STORES)


def test_a_store_is_known_by_its_scheme(uri):
    scheme = uri.partition("://")[0]
    assert is_remote(uri)
    assert Data(train=f"{uri}/rows.csv", label="y").train == f"{uri}/rows.csv"
    assert len(kinds([uri, "local", f"{uri}/other"])) == 1
    assert Location.parse(f"{uri}/x/").uri == f"{uri}/x"
    for wrong in (f"{scheme}://", f"{scheme}:///x", f"{scheme}://bucket//x", f"{scheme}:/bucket/x"):
        with pytest.raises(ConfigError, match=f"{scheme}://"):
            open_store(wrong)


def test_a_write_replaces_the_generation_that_it_names_and_no_other(objects):
    first = objects.write("x", b"1", NOTHING)
    assert objects.write("x", b"2", NOTHING) is None
    second = objects.write("x", b"two", first.generation)
    assert objects.write("x", b"3", first.generation) is None
    assert objects.write("none", b"", first.generation) is None
    assert objects.read("x") == (b"two", second.generation)
    assert (objects.read("none"), objects.find("none")) == (None, None)


def test_a_deletion_spares_what_is_newer(objects):
    first = objects.write("x", b"1", NOTHING)
    second = objects.write("x", b"2", first.generation)
    objects.delete("x", first.generation)
    assert objects.read("x") == (b"2", second.generation)
    objects.delete("x", second.generation)
    objects.delete("x", second.generation)
    assert objects.find("x") is None


def test_a_listing_says_what_is_there(objects):
    begun = time.time()
    for name in ("a/b", "a/ü #1?&+%.txt", "a", "b"):
        objects.write(name, name.encode(), NOTHING)
    assert objects.names("a") == ["a", "a/b", "a/ü #1?&+%.txt"]
    entries = {entry.name: entry for entry in objects.entries("a/")}
    assert {name: entry.size for name, entry in entries.items()} == {"a/b": 3, "a/ü #1?&+%.txt": 15}
    assert all(entry.generation == objects.read(name)[1] for name, entry in entries.items())
    assert all(abs(entry.written - begun) < 10**9 for entry in entries.values())  # seconds, not others
    assert objects.find("a/b").generation == entries["a/b"].generation


def test_a_file_there_and_back(objects, tmp_path):
    (tmp_path / "source").write_bytes(bytes(range(256)) * 5000)
    made = objects.upload("x", tmp_path / "source", NOTHING)
    objects.download(made, tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy").read_bytes() == (tmp_path / "source").read_bytes()
    (tmp_path / "source").write_bytes(b"")
    assert objects.upload("empty", tmp_path / "source", NOTHING).size == 0
    assert objects.read("empty")[0] == b""


def test_what_is_not_as_it_was_listed_is_an_error(objects, tmp_path):
    made = objects.write("x", b"1", NOTHING)
    wrong = Entry("x", 1, "AAAAAA==", made.generation)
    with pytest.raises(ArtifactError, match="x"):
        objects.download(wrong, tmp_path / "copy")
    objects.write("x", b"2", made.generation)
    for gone in (made, Entry("none", 1, "")):
        with pytest.raises(ArtifactError, match=r"has gone|replaced"):
            objects.download(gone, tmp_path / "copy")


def test_of_many_that_race_exactly_one_wins_each_time(uri):
    barrier = Barrier(4)

    def race(mine):
        store, won = open_store(uri), []
        for step in range(10):
            barrier.wait()
            expected = store.read("pointer")
            barrier.wait()
            if store.swap("pointer", expected, b"same %d" % step if step % 2 else b"%d %d" % (step, mine)):
                won.append(step)
        return won

    with ThreadPoolExecutor(4) as pool:
        wins = [step for won in pool.map(race, range(4)) for step in won]
    assert sorted(wins) == list(range(10))


def test_a_bucket_that_is_missing_is_told(uri):
    missing = uri.replace("bucket", "missing")
    for action in (
        lambda store: store.read("x"),
        lambda store: store.write("x", b""),
        lambda store: store.names(),
        lambda store: store.check_writable(),
    ):
        with pytest.raises(ConfigError, match="there is no such bucket") as caught:
            action(open_store(missing))
        assert missing[: missing.index("/deep")] in str(caught.value)


def test_the_question_whether_it_can_be_written_leaves_nothing(uri, objects):
    open_store(uri).check_writable()
    assert objects.names("") == []


def test_whole_directories(uri, objects, tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "x").write_bytes(b"1" * 10)
    (source / "y").write_bytes(b"2")
    store = open_store(uri)
    store.put_directory(source, "v/1")
    before = {entry.name: entry.generation for entry in objects.entries("deep/prefix/v/1/")}
    assert store.has_directory("v/1")
    assert 0 <= min(store.ages("v/").values()) < 10**9
    (source / "y").unlink()
    (source / "z").write_bytes(b"3")
    store.put_directory(source, "v/1")
    store.get_directory("v/1", tmp_path / "copy")
    files = [file.relative_to(tmp_path / "copy") for file in (tmp_path / "copy").rglob("*") if file.is_file()]
    assert sorted(map(str, files)) == ["deep/x", "z"]
    same = "deep/prefix/v/1/deep/x"
    assert objects.find(same).generation == before[same]  # a repetition sends only what is missing
    store.remove_directory("v/1")
    assert objects.names("") == []


def test_what_is_built_upon_a_store(uri, tmp_path, monkeypatch):
    """Sources, checkpoints, logs and artifacts: what they promise is tested on ``gs://`` at length."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    with mirror(f"{uri}/run") as working:
        (working.directory / "rows.csv").write_text("a,b\n1,2\n")
    for content in ("a,b\n1,2\n", "a,b\n3,4\n"):
        copy = fetched(f"{uri}/run/*.csv", tmp_path / "cache")
        (file,) = copy.directory.glob("*.csv")
        assert file.read_text() == content
        file.write_text("a,b\n9,9\n")  # something spoils the copy: it is fetched anew
        assert Path(fetched(f"{uri}/run/rows.csv", tmp_path / "other").path).read_text() == content
        assert fetched(f"{uri}/run/*.csv", tmp_path / "cache").directory == copy.directory
        assert file.read_text() == content
        with mirror(f"{uri}/run") as working:
            (working.directory / "rows.csv").write_text("a,b\n3,4\n")
    follower = Follower(f"{uri}/run", tmp_path / "followed", lambda name: name.endswith(".csv"))
    assert follower.update() == 1
    assert (tmp_path / "followed" / "rows.csv").read_text() == "a,b\n3,4\n"
    artifacts = open_artifacts(uri)
    for content in ("1", "2"):
        with artifacts.create("a/b", "selection") as draft:
            (draft.path / "x").write_text(content)
        assert (artifacts.open("a/b", "selection").path / "x").read_text() == content
