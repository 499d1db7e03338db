"""Artifacts by name, here and in the cloud: whole or not at all, and read file by file."""

import shutil
import threading
from pathlib import Path

import pytest

from trimtab.errors import ArtifactError, ConfigError
from trimtab.storage.artifacts import open_artifacts

FILES = {"schema.json": b"{}", "test/part-0": b"test rows", "train/part-0": b"train rows" * 1000}


@pytest.fixture(params=["here", "there"])
def uri(request, tmp_path, emulator):
    return str(tmp_path / "store") if request.param == "here" else "gs://bucket/store"


def write(artifacts, name="data/1", files=FILES, **how):
    with artifacts.create(name, "dataset", **how) as draft:
        for file, content in files.items():
            (draft.path / file).parent.mkdir(exist_ok=True)
            (draft.path / file).write_bytes(content)
        draft.counts = {"rows": len(files)}


def content(found, files):
    return {name: (found.path / name).read_bytes() for name in files}


def test_what_was_written_is_read(uri):
    write(open_artifacts(uri))
    found = open_artifacts(uri).open("data/1", "dataset")
    assert content(found, FILES) == FILES
    assert open_artifacts(uri).manifest("data/1", "dataset").counts == {"rows": 3}


def test_a_reader_gets_the_files_that_it_asks_for(uri):
    write(open_artifacts(uri))
    found = open_artifacts(uri).open("data/1", "dataset", ["schema.json", "test/"])
    assert content(found, ["schema.json", "test/part-0"]) == {
        "schema.json": b"{}",
        "test/part-0": b"test rows",
    }
    if uri.startswith("gs://"):
        assert not (found.path / "train").exists(), "it was not fetched"


def test_a_file_that_nobody_asks_for_may_be_damaged(uri, emulator):
    artifacts = open_artifacts(uri)
    write(artifacts)
    damage(uri, emulator, "train/part-0")
    artifacts.open("data/1", "dataset", ["test/"])
    with pytest.raises(ArtifactError, match=r"SHA-256|expected \d+ bytes") as caught:
        artifacts.open("data/1", "dataset", ["train/"])
    assert caught.value.path.startswith(f"{uri}/data/1")
    assert caught.value.path.endswith("train/part-0")


def damage(uri, emulator, name):
    if not uri.startswith("gs://"):
        Path(uri, "data/1", name).write_bytes(b"other rows" * 1000)
        return
    for key in emulator.contents("bucket", "store/data/1/"):
        if key.endswith(name):
            from trimtab.storage.store import open_store

            open_store("gs://bucket").write(key, b"other rows" * 1000)


def test_there_is_none_before_it_is_whole(uri):
    artifacts = open_artifacts(uri)

    def give_up():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), artifacts.create("data/1", "dataset") as draft:
        (draft.path / "schema.json").write_bytes(b"{}")
        give_up()
    assert artifacts.manifest("data/1", "dataset") is None
    with pytest.raises(ArtifactError):
        artifacts.open("data/1", "dataset")


def test_it_is_replaced_unless_the_first_one_is_to_stay(uri):
    artifacts = open_artifacts(uri)
    for number in (b"1", b"2"):
        write(artifacts, files={"file": number})
    write(artifacts, files={"file": b"3"}, replaces=False)
    assert content(open_artifacts(uri).open("data/1", "dataset"), ["file"]) == {"file": b"2"}


def test_of_many_that_write_the_same_name_one_wins_whole(uri):
    barrier, failed = threading.Barrier(6), []

    def race(number):
        artifacts = open_artifacts(uri)
        try:
            with artifacts.create("data/1", "dataset", replaces=False) as draft:
                for name in ("a", "b"):
                    (draft.path / name).write_bytes(b"%d" % number)
                barrier.wait(30)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    found = content(open_artifacts(uri).open("data/1", "dataset"), ["a", "b"])
    assert found["a"] == found["b"]


def test_another_kind_is_refused(uri):
    write(open_artifacts(uri))
    with pytest.raises(ArtifactError, match="expected a model artifact, found a dataset"):
        open_artifacts(uri).open("data/1", "model")


def test_what_is_removed_is_gone(uri):
    artifacts = open_artifacts(uri)
    write(artifacts)
    artifacts.remove("data/1")
    assert artifacts.manifest("data/1", "dataset") is None
    assert artifacts.store.names() == []
    artifacts.remove("data/1")


def test_copies_of_the_cloud_are_verified_and_fetched_once(emulator):
    artifacts = open_artifacts("gs://bucket/store")
    write(artifacts)
    found = artifacts.open("data/1", "dataset", ["test/"])
    stamp = (found.path / "test" / "part-0").stat().st_mtime_ns
    assert artifacts.open("data/1", "dataset", ["test/"]).path == found.path
    assert (found.path / "test" / "part-0").stat().st_mtime_ns == stamp
    (found.path / "test" / "part-0").write_bytes(b"damaged")
    again = artifacts.open("data/1", "dataset", ["test/"])
    assert content(again, ["test/part-0"]) == {"test/part-0": b"test rows"}
    shutil.rmtree(found.path)
    artifacts.open("data/1", "dataset", ["test/"])


def test_what_replaced_ones_held_is_removed_from_the_cloud(emulator):
    artifacts = open_artifacts("gs://bucket/store")
    for number in (b"1", b"2", b"3"):
        write(artifacts, files={"file": number})
    assert len([name for name in emulator.contents("bucket", "store/") if name.endswith("/file")]) == 1


def test_other_stores_are_refused():
    with pytest.raises(ConfigError, match="ftp://"):
        open_artifacts("ftp://bucket/store")
