"""Work in processes of its own: what comes back when it fails, crashes, or is told to stop."""

import faulthandler
import os
import resource
import signal
import tempfile
import time
from pathlib import Path

import pytest
from faults.forked import start
from faults.proxy import wait_until

from trimtab import preemption
from trimtab.errors import CompressionError, Preempted, StorageError
from trimtab.preemption import watched
from trimtab.stages import children


def write(path):
    path.write_text(str(os.getpid()))


def fail(error):
    raise error


def grow():
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    with tempfile.TemporaryFile() as file:
        file.write(bytes(100_000))


def die(number):
    faulthandler.disable()  # pytest's would fill the log
    os.kill(os.getpid(), number)


def leave(code):
    os._exit(code)


def trace(seen, end):
    """Does what AutoGraph does, and a library that asks the environment: a file that nobody removes."""
    with tempfile.NamedTemporaryFile("w", prefix="__autograph_generated_file", delete=False) as file:
        file.write("1")
    (Path(os.environ["TMPDIR"]) / "other").write_text("2")
    seen.write_text(file.name)
    end()


def hang():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # as native code does that never comes back
    time.sleep(3600)


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(params=["fork", "spawn"])
def way(request, monkeypatch):
    monkeypatch.setattr(children, "_can_fork", lambda: request.param == "fork")


def test_work_is_done_in_another_process(way, tmp_path):
    assert children.run("work", write, tmp_path / "done") is None
    assert int((tmp_path / "done").read_text()) != os.getpid()


def test_what_takes_longer_than_it_may_is_ended_and_names_the_setting(way):
    limit = children.TimeLimit(1.0, "resources.stages.quantize.entry_timeout_s")
    crash = children.run("quantize none--int8", hang, limit=limit)
    assert crash.was_killed
    assert not crash.signal, "it is no crash of its own, and not tried again"
    assert "while it worked on quantize none--int8" in crash.reason
    assert crash.error.field == "resources.stages.quantize.entry_timeout_s"


def take(megabytes):
    held = bytearray(megabytes << 20)
    held[:: resource.getpagesize()] = b"x" * len(range(0, len(held), resource.getpagesize()))
    time.sleep(3600)


def test_what_takes_more_memory_than_it_may_is_ended(way):
    memory = children.MemoryLimit(100 << 20, "model.archive", "Save it again.")
    crash = children.run("model.keras", take, 300, memory=memory)
    assert crash.was_killed
    assert "while it worked on model.keras; it may take 100 MB" in crash.reason
    assert (crash.error.field, crash.error.hint) == ("model.archive", "Save it again.")


def test_what_ends_in_time_is_not_touched(way, tmp_path):
    limit = children.TimeLimit(3600.0, "")
    assert children.run("work", write, tmp_path / "done", limit=limit) is None


def test_where_a_runtime_has_run_its_threads_the_child_starts_afresh(monkeypatch, tmp_path):
    monkeypatch.setattr(children, "_can_fork", lambda: True)
    monkeypatch.setattr(os, "fork", None)
    assert children.run("work", write, tmp_path / "done", afresh=True) is None
    assert int((tmp_path / "done").read_text()) != os.getpid()
    crash = children.run("work", die, signal.SIGSEGV, afresh=True)
    assert crash.was_killed


@pytest.mark.parametrize("end", [int, kill_itself])
def test_temporary_files_go_with_the_child_however_it_ends(way, tmp_path, monkeypatch, end):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    crash = children.run("work", trace, tmp_path / "seen", end)
    assert (crash is not None) == (end is kill_itself)
    assert Path((tmp_path / "seen").read_text()).is_relative_to(tmp_path / "temporary")
    assert not any((tmp_path / "temporary").iterdir())
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(tmp_path / "temporary")


def test_a_typed_error_comes_back_as_it_is(way):
    crash = children.run("work", fail, CompressionError("cannot be done", field="dense", hint="Leave it."))
    assert isinstance(crash.error, CompressionError)
    assert crash.error.describe() == "dense: cannot be done\n  Leave it."
    assert (crash.error.field, crash.error.hint, crash.traceback) == ("dense", "Leave it.", "")


def test_what_the_system_refuses_is_typed(way):
    crash = children.run("work", fail, OSError(28, "No space left on device", "/runs/x"))
    assert isinstance(crash.error, StorageError)


def test_a_defect_comes_back_with_its_traceback_however_long(way):
    crash = children.run("work", fail, ZeroDivisionError("x" * 200_000))
    assert (crash.error, crash.reason[:35]) == (None, "unexpected ZeroDivisionError: xxxxx")
    assert len(crash.traceback) > 10_000


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGSEGV, "its process was ended by SIGSEGV, while it worked on work"),
        (
            signal.SIGKILL,
            "its process was ended by SIGKILL, as when memory runs out, while it worked on work",
        ),
        (signal.SIGABRT, "its process was ended by SIGABRT, while it worked on work"),
    ],
)
def test_a_signal_is_told(number, said):
    assert children.run("work", die, number).reason == said


def test_to_leave_is_to_fail(way):
    assert children.run("work", fail, SystemExit(0)).reason == "unexpected SystemExit: 0"


def test_a_file_that_may_not_grow_is_typed(way):
    assert isinstance(children.run("work", grow).error, StorageError)


def test_an_exit_without_a_word_is_told():
    assert "exit code 9" in children.run("work", leave, 9).reason


def test_a_child_that_is_told_to_stop_stops_its_parent():
    with pytest.raises(Preempted):
        children.run("work", die, signal.SIGTERM)


def last(path):
    (path / "child").write_text(str(os.getpid()))
    try:
        time.sleep(60)
    except Preempted:
        (path / "saved").touch()
        raise


def stubborn(path):
    (path / "child").write_text(str(os.getpid()))
    while True:
        try:
            time.sleep(60)
        except Preempted:
            continue


def supervise(work, path):
    with watched(lambda: os._exit(99)):
        try:
            children.run("work", work, path)
        except Preempted as stopped:
            os._exit(stopped.exit_code)


def test_a_signal_to_the_parent_is_passed_on_and_the_child_saves(tmp_path):
    task = start(supervise, tmp_path / "log", last, tmp_path)
    wait_until((tmp_path / "child").exists, 60)
    time.sleep(0.2)
    os.kill(task.pid, signal.SIGTERM)
    task.join(30)
    assert task.exitcode == Preempted.exit_code, (tmp_path / "log").read_text()
    assert (tmp_path / "saved").exists()


def supervise_briefly(work, path):
    preemption.SAVE_SECONDS = 5.0
    supervise(work, path)


def is_running(process):
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_ends_with_its_parent_even_if_that_is_killed(tmp_path):
    task = start(supervise, tmp_path / "log", last, tmp_path)
    wait_until((tmp_path / "child").exists, 60)
    wait_until(lambda: (tmp_path / "child").read_text() != "", 10)
    child = int((tmp_path / "child").read_text())
    assert is_running(child)
    os.kill(task.pid, signal.SIGKILL)
    task.join(30)
    wait_until(lambda: not is_running(child), 10)
    assert not (tmp_path / "saved").exists()


def test_a_child_that_does_not_stop_is_stopped_in_time(tmp_path):
    task = start(supervise_briefly, tmp_path / "log", stubborn, tmp_path)
    wait_until((tmp_path / "child").exists, 60)
    time.sleep(0.2)
    os.kill(task.pid, signal.SIGTERM)
    sent = time.monotonic()
    task.join(40)
    assert time.monotonic() - sent < 12
    assert task.exitcode == Preempted.exit_code
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "child").read_text()), 0)
