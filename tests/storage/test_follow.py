import pytest

from trimtab.errors import StorageError
from trimtab.storage.follow import Follower
from trimtab.storage.objects.limits import Limits


@pytest.fixture
def put(emulator):
    return lambda name, content: emulator.state.put("bucket", {"name": f"runs/{name}"}, content)


@pytest.fixture
def follower(emulator, tmp_path):
    limits = Limits(1.0, 0.5, 0.5, 0.02, 0.3, 10_000_000)
    return Follower("gs://bucket/runs", tmp_path, lambda name: name.endswith("events"), limits)


def test_a_reader_that_has_a_file_open_sees_it_grow(follower, put, tmp_path):
    put("1/train/events", b"first ")
    put("1/result.json", b"{}")
    assert follower.update() == 1
    with (tmp_path / "1" / "train" / "events").open("rb") as reader:
        assert reader.read() == b"first "
        put("1/train/events", b"first second")
        follower.update()
        assert reader.read() == b"second"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["events"]


def test_a_file_that_began_anew_is_replaced_and_one_that_is_gone_is_removed(
    follower, put, emulator, tmp_path
):
    put("a.events", b"old content")
    put("b.events", b"b")
    follower.update()
    put("a.events", b"new")
    emulator.state.delete("bucket", "runs/b.events", None)
    assert follower.update() == 1
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"a.events": b"new"}


def test_what_did_not_change_is_not_fetched_again(follower, put, emulator):
    put("a.events", b"content")
    follower.update()
    emulator.requests.clear()
    follower.update()
    assert not [line for line in emulator.requests if "alt=media" in line]


def test_a_failed_update_is_made_up_for(follower, put, emulator, tmp_path, monkeypatch):
    put("a.events", b"a")
    follower.update()
    put("a.events", b"ab")
    with monkeypatch.context() as broken:
        broken.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
        with pytest.raises(StorageError):
            follower.update()
    follower.update()
    assert (tmp_path / "a.events").read_bytes() == b"ab"
