import signal
import threading
import time

import pytest

from trimtab.storage.parallel import in_parallel


def test_outcomes_are_in_order():
    assert in_parallel(lambda n: n * n, range(100)) == [n * n for n in range(100)]


def test_the_first_error_ends_it():
    begun, first = [], threading.Event()

    def work(number):
        begun.append(number)
        if number == 0:
            raise ValueError("the first")
        first.wait(0.1)

    with pytest.raises(ValueError, match="the first"):
        in_parallel(work, range(1000))
    assert len(begun) < 1000


class StopError(Exception):
    pass


@pytest.fixture
def stoppable():
    def stop(number, frame):
        raise StopError

    before = signal.signal(signal.SIGUSR1, stop)
    yield
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_ends_it_when_what_has_begun_is_done(stoppable):
    begun = []

    def work(number):
        begun.append(number)
        if number == 0:
            # To the main thread: one that another thread takes is noticed only once that one has a turn.
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        time.sleep(0.05)

    with pytest.raises(StopError):
        in_parallel(work, range(200))
    assert len(begun) < 200
