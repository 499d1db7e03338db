"""Directories in a bucket: whole or not at all."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from faults.proxy import Fault, wait_until

from trimtab.errors import ArtifactError, StorageError
from trimtab.storage import artifact
from trimtab.storage.objects.store import WHOLE, ObjectStore
from trimtab.storage.store import open_store

URI = "gs://bucket/deep/prefix"


class Forgetful(dict):
    def get(self, key, default=None):
        return default


def content_of(directory):
    return {
        file.relative_to(directory).as_posix(): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def tree(tmp_path):
    """Returns a directory with files of all sizes."""
    directory = tmp_path / "tree"
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "a" / "b" / "large.bin").write_bytes(os.urandom(9 * 2**20))
    (directory / "a" / "ümlaut #1?.txt").write_text("text")
    (directory / "empty").write_bytes(b"")
    (directory / ".hidden").write_bytes(b"1")
    return directory


def test_an_upload_that_is_forgotten_again_and_again(emulator, monkeypatch, hasty, tree):
    monkeypatch.setattr(emulator.state, "sessions", Forgetful())
    with pytest.raises(StorageError, match=r"gs://bucket/deep/prefix/v/a/b/large.bin: the server forgot"):
        ObjectStore(URI, hasty).put_directory(tree, "v")


def test_directories_there_and_back(emulator, tree, tmp_path):
    store = open_store(URI)
    store.put_directory(tree, "v/1")
    assert store.names("v/") == ["v/1/a/b/large.bin", "v/1/a/ümlaut #1?.txt", "v/1/empty"]
    store.get_directory("v/1", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tree)


def test_a_repetition_sends_only_what_is_missing(emulator, tree):
    store = open_store(URI)
    store.put_directory(tree, "v")
    del emulator.state.objects["bucket"]["deep/prefix/v/empty"]
    emulator.state.sorted["bucket"].remove("deep/prefix/v/empty")
    emulator.requests.clear()
    store.put_directory(tree, "v")
    assert len([line for line in emulator.requests if "uploadType" in line]) == 2  # the file, the list


def test_a_replaced_directory_has_none_of_the_old_files(emulator, tree, tmp_path):
    store = open_store(URI)
    store.put_directory(tree, "v")
    (tree / "empty").unlink()
    (tree / "new").write_text("1")
    store.put_directory(tree, "v")
    store.get_directory("v", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tree)


def test_the_list_of_files_is_written_last_and_removed_first(emulator, tree):
    store = open_store(URI)
    store.put_directory(tree, "v")
    assert list(emulator.contents("bucket"))[-1].endswith(WHOLE)
    (tree / "empty").write_text("changed")
    emulator.requests.clear()
    store.put_directory(tree, "v")
    changes = [line for line in emulator.requests if not line.startswith("GET")]
    assert changes[0].startswith("DELETE")
    assert WHOLE in changes[0]


def test_without_its_list_there_is_no_directory(emulator, tree, tmp_path):
    store = open_store(URI)
    store.put_directory(tree, "v")
    assert store.has_directory("v")
    del emulator.state.objects["bucket"][f"deep/prefix/v/{WHOLE}"]
    assert not store.has_directory("v")
    with pytest.raises(FileNotFoundError, match="prefix/v"):
        store.get_directory("v", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("damage", ["missing", "another content", "list"])
def test_a_damaged_directory_is_an_error_and_leaves_nothing(emulator, tree, tmp_path, damage):
    store = open_store(URI)
    store.put_directory(tree, "v")
    if damage == "missing":
        del emulator.state.objects["bucket"]["deep/prefix/v/empty"]
    else:
        name = WHOLE if damage == "list" else "empty"
        emulator.state.put("bucket", {"name": f"deep/prefix/v/{name}"}, b"other")
    with pytest.raises(ArtifactError, match="prefix/v"):
        store.get_directory("v", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [tree]


def test_names_that_lead_out_of_the_directory_are_refused(emulator, tmp_path):
    content = b'{"files": {"../../evil": {"size": 0, "crc32c": "AAAAAA=="}}}'
    emulator.state.put("bucket", {"name": f"deep/prefix/v/{WHOLE}"}, content)
    with pytest.raises(ArtifactError, match="evil"):
        open_store(URI).get_directory("v", tmp_path / "deep" / "copy")
    assert not (tmp_path / "evil").exists()


def test_killed_while_it_writes_a_directory(proxy, emulator, tree, tmp_path):
    store = open_store(URI)
    with artifact.create(tree, "selection") as draft:
        for number in range(40):
            (draft.path / f"{number}").write_bytes(os.urandom(1000))
    script = (
        "import sys; from pathlib import Path; from trimtab.storage.store import open_store;"
        f"open_store({URI!r}).put_directory(Path(sys.argv[1]), 'v')"
    )
    for old in (False, True):
        if old:
            store.put_directory(tree, "v")
            (tree / "0").write_bytes(b"new")
        proxy.spoil(Fault("stall", r"uploadType", times=8, seconds=30))  # every sender hangs in the middle
        process = subprocess.Popen([sys.executable, "-c", script, str(tree)])
        wait_until(lambda: proxy.spoiled, 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        proxy.spoil()
        with pytest.raises(FileNotFoundError):
            store.get_directory("v", tmp_path / f"copy {old}")
    store.put_directory(tree, "v")
    store.get_directory("v", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tree)


def test_a_reader_of_a_directory_that_is_replaced_never_gets_a_mixture(emulator, tmp_path):
    store, over = open_store(URI), threading.Event()
    for letter in "ab":
        (tmp_path / letter).mkdir()
        for number in range(12):
            (tmp_path / letter / str(number)).write_text(letter)

    def replace_it():
        while not over.is_set():
            for letter in "ab":
                store.put_directory(tmp_path / letter, "v")

    seen = {"a": 0, "b": 0, "none": 0}
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(replace_it)
        wait_until(
            lambda: seen["a"] + seen["b"] >= 6 or writer.done() or read_once(store, tmp_path, seen), 60
        )
        over.set()
        writer.result()
    assert seen["a"] + seen["b"] >= 6


def read_once(store, tmp_path, seen):
    copy = tmp_path / f"copy {sum(seen.values())}"
    try:
        store.get_directory("v", copy)
    except FileNotFoundError:
        seen["none"] += 1
        return
    letters = {file.read_text() for file in copy.iterdir()}
    assert len(letters) == 1
    assert len(list(copy.iterdir())) == 12
    seen[letters.pop()] += 1


def test_of_two_that_write_one_directory_no_mixture_is_ever_whole(emulator, tmp_path):
    for letter in "ab":
        (tmp_path / letter).mkdir()
        for number in range(12):
            (tmp_path / letter / str(number)).write_text(letter)
    for step in range(8):
        with ThreadPoolExecutor(2) as pool:
            wait = [pool.submit(open_store(URI).put_directory, tmp_path / letter, "v") for letter in "ab"]
        errors = [error for future in wait if (error := future.exception()) is not None]
        assert all(isinstance(error, ArtifactError) for error in errors)
        copy = tmp_path / f"copy {step}"
        try:
            open_store(URI).get_directory("v", copy)
        except (FileNotFoundError, ArtifactError):
            assert errors
        else:
            assert len({file.read_text() for file in copy.iterdir()}) == 1
    open_store(URI).put_directory(tmp_path / "a", "v")
    open_store(URI).get_directory("v", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tmp_path / "a")
