"""What a process that is told to stop does; tests/stages/test_preempted.py has the stages."""

import signal
import subprocess
import sys
import time

import pytest

from trimtab import preemption

SCRIPT = """
import os, signal, sys, time
from trimtab import preemption
from trimtab.stages.stage import recorded

preemption.SAVE_SECONDS = float(sys.argv[2])

def ready():
    print("ready", flush=True)

def stuck():
    with preemption.deferred():
        ready()
        time.sleep(60)

def loop():
    with preemption.deferred():
        ready()
        while not preemption.requested():
            time.sleep(0.01)
    print("saved", flush=True)
    preemption.check()

def swallow():
    try:
        ready()
        time.sleep(60)
    except BaseException:
        pass

def consequence():
    try:
        ready()
        time.sleep(60)
    except BaseException:
        raise RuntimeError("a callback failed")

def stubborn():
    try:
        ready()
        time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        print("cleaned up", flush=True)

# Of the stages, ``train`` saves its work and ``select`` has nothing to save.
with recorded("select" if sys.argv[3] == "plain" else "train", sys.argv[1]):
    {"stuck": stuck, "loop": loop, "swallow": swallow, "consequence": consequence, "stubborn": stubborn,
     "plain": lambda: (ready(), time.sleep(60))}[sys.argv[3]]()
"""


@pytest.fixture
def stop(tmp_path):
    """Returns a function that tells a process to stop; returns its exit code, output and record."""

    def stop(work, number=signal.SIGTERM, seconds=30.0):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(seconds), work]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        records = [file.read_text() for file in tmp_path.glob("stages/*.json")]
        return process.returncode, out, records[0] if records else None

    return stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("work", "said"),
    [("loop", "saved\n"), ("swallow", ""), ("consequence", ""), ("stubborn", "cleaned up\n")],
)
def test_a_stage_that_is_told_to_stop_says_so(stop, work, said, number):
    code, out, record = stop(work, number)
    assert (code, out) == (75, said)
    assert '"error_type": "Preempted"' in record
    assert '"ok": false' in record


def test_a_main_thread_that_does_not_notice_is_not_waited_for(stop):
    began = time.monotonic()
    code, _, record = stop("stuck", seconds=0.3)
    assert (code, '"error_type": "Preempted"' in record) == (75, True)
    assert time.monotonic() - began < 50


def test_a_stage_with_nothing_to_save_ends_at_once(stop):
    assert stop("plain")[::2] == (-signal.SIGTERM, None)


HANDLERS = """
import signal
from trimtab import preemption
from trimtab.errors import Preempted

before = signal.getsignal(signal.SIGTERM)
try:
    with preemption.watched(lambda: None):
        assert preemption.seconds_left() is None
        signal.raise_signal(signal.SIGTERM)
except Preempted:
    assert signal.getsignal(signal.SIGTERM) is before
    assert not preemption.requested()
    print("put back")
"""


def test_handlers_are_put_back():
    # In a process of its own: a signal that nobody takes would end all tests that run in this one.
    done = subprocess.run([sys.executable, "-c", HANDLERS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "put back\n"), done.stderr


def test_all_of_it_takes_fifteen_seconds_at_most():
    assert preemption.SAVE_SECONDS + preemption.LAST_WORD_SECONDS <= 15
