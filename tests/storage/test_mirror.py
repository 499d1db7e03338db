import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from faults.proxy import FOR_EVER, Fault, wait_until

from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.storage.mirror import mirror

URI = "gs://bucket/run/checkpoints"


def stored(emulator):
    return {
        name.removeprefix("run/checkpoints/"): data
        for name, data in emulator.contents("bucket", "run/").items()
    }


def test_a_local_uri_is_the_directory_itself(tmp_path):
    with mirror(str(tmp_path / "a" / "b"), every_seconds=1) as working:
        assert working.directory == tmp_path / "a" / "b"
        (working.directory / "x").write_text("1")
        working.sync()
    assert (tmp_path / "a" / "b" / "x").read_text() == "1"


def test_a_second_pod_finds_what_the_first_one_published(emulator):
    with mirror(URI) as working:
        (working.directory / "deep").mkdir()
        (working.directory / "deep" / "step-1").write_bytes(b"1")
        (working.directory / ".step-2.part").write_bytes(b"half")
        working.sync()
        assert stored(emulator) == {"deep/step-1": b"1"}
        (working.directory / "step-2").write_bytes(b"2")
        (working.directory / "deep" / "step-1").unlink()
        working.sync()
        assert stored(emulator) == {"step-2": b"2"}
    assert not working.directory.exists()
    with mirror(URI) as working:
        assert [file.name for file in working.directory.iterdir()] == ["step-2"]
        emulator.requests.clear()
        working.sync()
        assert emulator.requests == []


def test_what_something_else_put_there_stays(emulator):
    with mirror(URI) as working:
        emulator.state.put("bucket", {"name": "run/checkpoints/other"}, b"1")
        (working.directory / "mine").write_bytes(b"2")
    assert stored(emulator) == {"other": b"1", "mine": b"2"}


def test_an_object_that_something_else_removed_is_written_anew(emulator):
    with mirror(URI) as working:
        (working.directory / "x").write_bytes(b"1")
        working.sync()
        emulator.state.delete("bucket", "run/checkpoints/x", None)
        (working.directory / "x").write_bytes(b"2")
        working.sync()
        assert stored(emulator) == {"x": b"2"}


def test_a_pod_that_was_thought_dead_writes_on_while_the_next_one_starts(proxy, emulator, hasty):
    put = emulator.state.put
    put("bucket", {"name": "run/checkpoints/step-1"}, b"1")
    put("bucket", {"name": "run/checkpoints/step-2"}, b"2")
    proxy.spoil(Fault("late", "step-1.*alt=media", seconds=0.4))

    def start():
        with mirror(URI, limits=hasty) as working:
            return {file.name: file.read_bytes() for file in working.directory.iterdir()}

    with ThreadPoolExecutor(1) as pool:
        next_one = pool.submit(start)
        wait_until(lambda: proxy.spoiled)
        put("bucket", {"name": "run/checkpoints/step-3"}, b"3")
        emulator.state.delete("bucket", "run/checkpoints/step-1", None)
        assert next_one.result() == {"step-2": b"2", "step-3": b"3"}


def test_names_that_cannot_be_local_files_are_told(emulator):
    for name in ("a", "a/b"):
        emulator.state.put("bucket", {"name": f"run/checkpoints/{name}"}, b"1")
    with pytest.raises(StorageError, match="gs://bucket/run/checkpoints/a"), mirror(URI):
        pytest.fail("the block must not begin")


def test_the_newest_writer_goes_on(emulator):
    with mirror(URI) as old, mirror(URI) as new:
        for working, content in ((old, b"old"), (new, b"new"), (old, b"older"), (new, b"newest")):
            (working.directory / "x").write_bytes(content)
            working.sync()
            assert stored(emulator) == {"x": content}


def test_a_file_that_grows_appears_while_it_is_written(emulator):
    with mirror(URI, every_seconds=0.05) as working, (working.directory / "events").open("wb") as file:
        for number in range(5):
            file.write(b"x" * 1000)
            file.flush()
            wait_until(lambda number=number: len(stored(emulator).get("events", b"")) == 1000 * (number + 1))
        file.write(b"the last words")
    assert stored(emulator)["events"] == b"x" * 5000 + b"the last words"


def test_a_file_that_grows_while_it_is_sent_is_sent_to_where_it_ended(proxy, emulator, hasty):
    start = os.urandom(9 * 2**20)
    with mirror(URI, limits=hasty) as working:
        (working.directory / "events").write_bytes(start)
        proxy.spoil(Fault("late", "PUT /upload", seconds=0.2))
        with (working.directory / "events").open("ab") as file:
            pid = os.fork()
            if pid == 0:
                time.sleep(0.1)
                file.write(b"more")
                file.flush()
                os._exit(0)
        working.sync()
        os.waitpid(pid, 0)
        assert stored(emulator)["events"] == start
    assert stored(emulator)["events"] == start + b"more"


def test_a_fault_in_the_background_is_caught_up(proxy, emulator, hasty, capsys):
    hasty = replace(hasty, retry_seconds=0.5)
    with mirror(URI, every_seconds=0.05, limits=hasty) as working:
        proxy.spoil(Fault("503", "upload", times=FOR_EVER))
        (working.directory / "events").write_bytes(b"1")
        wait_until(lambda: "publishing goes on later" in (capsys.readouterr().err))
        proxy.spoil()
        wait_until(lambda: stored(emulator) == {"events": b"1"})


def test_a_fault_that_lasts_is_an_error_of_sync_within_its_time(proxy, emulator):
    with pytest.raises(StorageError, match="gs://bucket/run"), mirror(URI) as working:
        (working.directory / "x").write_bytes(b"1")
        proxy.spoil(Fault("stall", "upload", times=FOR_EVER))
        start = time.monotonic()
        try:
            working.sync(within_seconds=1.0)
        finally:
            assert time.monotonic() - start < 3
            proxy.spoil()
            (working.directory / "y").write_bytes(b"published although the block failed")
    assert set(stored(emulator)) == {"x", "y"}


def test_what_could_not_be_restored_is_left_alone(proxy, emulator, hasty):
    for number in range(3):
        emulator.state.put("bucket", {"name": f"run/checkpoints/{number}"}, b"x" * 1000)
    before = dict(emulator.state.objects["bucket"])
    proxy.spoil(Fault("corrupt", "checkpoints%2F1.*alt=media", FOR_EVER))
    with pytest.raises(ArtifactError, match="checkpoints/1"), mirror(URI, limits=hasty):
        pytest.fail("the block must not begin")
    assert emulator.state.objects["bucket"] == before


def test_a_process_that_is_killed_leaves_whole_objects(emulator):
    script = (
        "import os, sys; from trimtab.storage.mirror import mirror\n"
        f"with mirror({URI!r}) as working:\n"
        "    for step in range(10**6):\n"
        "        (working.directory / 'checkpoint').write_bytes(b'%d' % (step % 10) * 3_000_000)\n"
        "        working.sync()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    for wanted in range(1, 6):
        wait_until(lambda wanted=wanted: len(emulator.requests) > 4 * wanted, 20)
        content = stored(emulator)["checkpoint"]
        assert content == content[:1] * 3_000_000
    process.send_signal(signal.SIGKILL)
    process.wait()
    content = stored(emulator)["checkpoint"]
    assert content == content[:1] * 3_000_000


def test_a_missing_bucket_is_said_at_once(emulator):
    with pytest.raises(ConfigError, match="no such bucket"), mirror("gs://missing/x"):
        pass
