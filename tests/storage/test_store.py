import multiprocessing
import shutil

import pytest
from faults.unprivileged import unprivileged

from trimtab.errors import ConfigError, StorageError
from trimtab.storage.store import LocalStore, open_store


def test_objects_by_name(tmp_path):
    store = open_store(str(tmp_path / "with space"))
    assert store.read("a/b.json") is None
    store.write("a/b.json", b"1")
    store.write("c", b"2")
    assert store.read("a/b.json") == b"1"
    assert store.names() == ["a/b.json", "c"]
    assert store.names("a/") == ["a/b.json"]


def test_directories_there_and_back(tmp_path):
    (tmp_path / "source" / "deep").mkdir(parents=True)
    (tmp_path / "source" / "deep" / "x").write_text("1")
    store = LocalStore(tmp_path / "store")
    store.put_directory(tmp_path / "source", "v/1")
    assert store.names("v/") == ["v/1/deep/x"]
    store.get_directory("v/1", tmp_path / "copy")
    assert (tmp_path / "copy" / "deep" / "x").read_text() == "1"
    assert store.has_directory("v/1")
    assert not store.has_directory("v/2")


def test_names_leave_out_what_is_not_finished(tmp_path):
    store = LocalStore(tmp_path)
    for name in ("v/1/a", "v/.2.x.part/a", ".v.y.part/1/a", "v/1/.hidden", "v/.dot/a", "w"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert store.names() == ["v/.dot/a", "v/1/a", "w"]
    assert store.names("v/1/") == ["v/1/a"]
    assert store.names("v/1") == ["v/1/a"]
    assert store.names("none/") == []


def test_swap_needs_the_expected_content(tmp_path):
    store = LocalStore(tmp_path)
    assert store.swap("pointer", None, b"1")
    assert not store.swap("pointer", None, b"2")
    assert not store.swap("pointer", b"0", b"2")
    assert store.swap("pointer", b"1", b"2")
    assert store.read("pointer") == b"2"
    assert store.names() == ["pointer"]  # and not the claims


def race(root: str, mine: int, barrier, wins) -> None:
    store = open_store(root)
    for step in range(50):
        barrier.wait()
        expected = store.read("pointer")
        barrier.wait()
        if store.swap("pointer", expected, f"{step} {mine}".encode()):
            wins.put(step)


def test_of_two_that_race_exactly_one_wins(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(2), context.Queue()
    processes = [context.Process(target=race, args=(str(tmp_path), n, barrier, wins)) for n in range(2)]
    for process in processes:
        process.start()
    won = [wins.get(timeout=60) for _ in range(50)]
    for process in processes:
        process.join(timeout=60)
    assert sorted(won) == list(range(50))
    assert wins.empty()


@pytest.mark.parametrize(
    "operation",
    [
        lambda store, source: store.read("taken"),
        lambda store, source: store.write("taken", b""),
        lambda store, source: store.swap("taken", None, b""),
        lambda store, source: store.put_directory(source, "file/inside"),
    ],
)
def test_what_the_system_refuses_is_a_typed_error(tmp_path, operation):
    (tmp_path / "store" / "taken").mkdir(parents=True)
    (tmp_path / "store" / "file").touch()
    (tmp_path / "source").mkdir()
    with pytest.raises(StorageError, match=r"store/(taken|file/inside): it cannot be used: \w+"):
        operation(LocalStore(tmp_path / "store"), tmp_path / "source")


def test_a_disk_that_fills_up_is_told_in_the_systems_words(tmp_path, monkeypatch):
    def copytree(*_args, **_options):
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")])

    monkeypatch.setattr(shutil, "copytree", copytree)
    with pytest.raises(StorageError) as caught:
        LocalStore(tmp_path).put_directory(tmp_path, "new")
    assert caught.value.message == "it cannot be used: No space left on device"
    assert caught.value.path == str(tmp_path / "new")


def test_a_directory_that_cannot_be_listed_is_not_an_empty_one(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(StorageError, match="loop: it cannot be used: Too many levels"):
        LocalStore(tmp_path / "loop").names()
    (tmp_path / "file").touch()
    assert LocalStore(tmp_path / "file").names() == LocalStore(tmp_path / "none").names() == []


def test_a_root_that_is_a_file_is_told_when_it_is_read(tmp_path):
    (tmp_path / "file").touch()
    for root in ("file", "file/below"):
        with pytest.raises(StorageError, match=r"champion\.json: it cannot be used: Not a directory"):
            LocalStore(tmp_path / root).read("champion.json")
    assert LocalStore(tmp_path / "none").read("champion.json") is None
    assert LocalStore(tmp_path).read("file/inside") is None


def test_an_unknown_scheme_is_refused():
    with pytest.raises(ConfigError, match="ftp://"):
        open_store("ftp://bucket/x")


def test_a_place_that_can_be_written_is_not_touched_by_the_question(tmp_path):
    LocalStore(tmp_path / "a" / "b").check_writable()
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    for taken in ("file", "file/below"):
        with pytest.raises(StorageError, match="file: nothing can be written here"):
            LocalStore(tmp_path / taken).check_writable()


def test_a_place_that_cannot_be_written_is_told_before_it_is(tmp_path):
    (tmp_path / "mine").mkdir(mode=0o555)
    with pytest.raises(StorageError, match="mine: nothing can be written here"):
        unprivileged(LocalStore(tmp_path / "mine" / "below").check_writable)


def test_a_home_is_where_files_go_and_that_of_nobody_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("~/runs").uri == str(tmp_path / "runs")
    with pytest.raises(ConfigError, match="there is no such user"):
        open_store("~nobody-of-this-name/runs")
