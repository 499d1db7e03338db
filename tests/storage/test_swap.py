"""The swap without a lock: every order of two writers' steps, and many of three, with deaths at any step."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from trimtab.storage import atomic, swap


class Death(BaseException):
    """What becomes of a writer that is killed: nothing of it runs any more."""


class Writer(threading.Thread):
    """Adds its name to a file as often as asked, one step at a time; first to what it knows is there."""

    def __init__(self, name: str, path: Path, known: bytes | None, rounds: int) -> None:
        super().__init__(daemon=True)
        self.name, self.path, self.known, self.rounds = name, path, known, rounds
        self.go, self.stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.dying, self.over = False, False
        self.attempts: list[tuple[bytes | None, bytes, bool | None]] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for number in range(self.rounds):
                before = swap.read(self.path) if number else self.known
                after = (before or b"") + f"{self.name}{number} ".encode()
                self.attempts.append((before, after, None))
                self.attempts[-1] = (before, after, swap.swap(self.path, before, after))
        except Death:
            pass
        except BaseException as error:
            self.failure = error
        self.over = True
        self.stopped.release()

    def pause(self) -> None:
        self.stopped.release()
        self.go.acquire()
        if self.dying:
            raise Death

    def step(self) -> None:
        self.go.release()
        self.stopped.acquire()


@pytest.fixture
def stepwise(monkeypatch):
    """Lets a writer pause before each of its steps that others could see."""

    def paused(function):
        def call(*arguments):
            if isinstance(thread := threading.current_thread(), Writer):
                thread.pause()
            return function(*arguments)

        return call

    for name in ("read", "_is_taken", "_take", "_finish"):
        monkeypatch.setattr(swap, name, paused(getattr(swap, name)))
    monkeypatch.setattr(atomic, "sync_files", lambda _: None)
    monkeypatch.setattr(atomic, "sync_directory", lambda _: None)


def play(
    path: Path, first: bytes | None, rounds: list[int], choose
) -> tuple[list[Writer], list[bytes | None]]:
    """Runs writers in the order that ``choose(alive)`` gives, and returns them and what the file held."""
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir()
    if first is not None:
        path.write_bytes(first)
    writers = [Writer("abc"[number], path, first, count) for number, count in enumerate(rounds)]
    contents = [first]
    for writer in writers:
        writer.start()
        writer.stopped.acquire()
    while alive := [writer for writer in writers if not writer.over]:
        writer, writer.dying = choose(alive)
        writer.step()
        now = path.read_bytes() if path.exists() else None
        if now != contents[-1]:
            contents.append(now)
    for writer in writers:
        writer.join()
        assert writer.failure is None
    return writers, contents


def check(path: Path, writers: list[Writer], contents: list[bytes | None]) -> None:
    """Holds what happened against what a compare-and-swap promises."""
    attempts = [attempt for writer in writers for attempt in writer.attempts]
    wanted = {after: before for before, after, _ in attempts}
    assert len(contents) == len(set(contents)), "a content that was replaced came back"
    for before, after in itertools.pairwise(contents):
        assert wanted[after] == before, "a content was replaced by what was made of another"
    for before, after, won in attempts:
        if won:
            assert after in contents
        elif won is False:
            assert after not in contents
            assert before != contents[-1], "it was refused, although nobody was faster"
    winners = Counter(before for before, _, won in attempts if won)
    assert all(count == 1 for count in winners.values())
    # Whoever died, the next one is not stopped, at most told once that a dead one was faster.
    assert any(swap.swap(path, swap.read(path), b"the last") for _ in range(2))
    assert path.read_bytes() == b"the last"
    assert not list(path.parent.rglob("*.part"))


@pytest.mark.parametrize("first", [None, b"x "])
def test_in_every_order_of_two_writers_steps_exactly_one_wins(tmp_path, stepwise, first):
    path = tmp_path / "store" / "pointer"
    orders: list[list[int]] = [[]]  # prefixes of orders that were not played yet, by the writers' positions
    played = 0
    while orders:
        prefix = orders.pop()
        taken: list[int] = []

        def choose(alive, prefix=prefix, taken=taken):
            choice = prefix[len(taken)] if len(taken) < len(prefix) else 0
            if len(taken) >= len(prefix):
                orders.extend([*taken, other] for other in range(1, len(alive)))
            taken.append(choice)
            return alive[choice], False

        writers, contents = play(path, first, [1, 1], choose)
        check(path, writers, contents)
        wins = [won for writer in writers for _, _, won in writer.attempts]
        assert any(wins)
        played += 1
    assert played > 100


def test_with_deaths_in_many_orders_nothing_is_lost_or_restored(tmp_path, stepwise):
    path = tmp_path / "store" / "pointer"
    generator = random.Random(20)
    deaths = 0
    for _ in range(150):
        writers, contents = play(
            path,
            generator.choice([None, b"x "]),
            [2, 2, 2],
            lambda alive: (generator.choice(alive), generator.random() < 0.03),
        )
        deaths += sum(writer.dying for writer in writers)
        check(path, writers, contents)
    assert deaths > 40


def test_a_content_that_comes_again_can_be_replaced_again(tmp_path):
    path = tmp_path / "pointer"
    for _ in range(3):
        assert swap.swap(path, None, b"1")
        assert swap.swap(path, b"1", b"2")
        assert not swap.swap(path, b"1", b"3")
        assert swap.swap(path, b"2", b"1")
        assert swap.swap(path, b"1", b"2")
        path.write_bytes(b"{")  # somebody damaged it
        assert swap.swap(path, b"{", b"mended")
        path.unlink()


def test_one_that_died_between_claim_and_replacement_is_finished_by_the_next(tmp_path, monkeypatch):
    path = tmp_path / "pointer"
    path.write_bytes(b"old")
    with monkeypatch.context() as dying:
        dying.setattr(swap, "_finish", lambda *a: (_ for _ in ()).throw(Death))
        with pytest.raises(Death):
            swap.swap(path, b"old", b"of the dead")
    assert path.read_bytes() == b"old"
    assert not swap.swap(path, b"old", b"mine")
    assert path.read_bytes() == b"of the dead"
    assert swap.swap(path, b"of the dead", b"mine")


KILLED = """
import os, signal, sys
from pathlib import Path
from unittest import mock
from trimtab.storage import swap
with mock.patch.object(swap, "_take", lambda *_: os.kill(os.getpid(), signal.SIGKILL)):
    swap.swap(Path(sys.argv[1]), None, b"its own")
"""


def test_what_a_killed_writer_prepared_goes_once_it_is_dead(tmp_path):
    path, claims = tmp_path / "pointer", tmp_path / swap.CLAIMS
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode == -signal.SIGKILL
    (left,) = claims.iterdir()
    alive = claims / ".alive.part"
    alive.mkdir()
    (alive / "by").write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
    assert swap.swap(path, None, b"first")
    assert left in claims.iterdir(), "it is young: its owner may be in another container"
    for offer in (left, alive):
        os.utime(offer, (time.time() - 90,) * 2)
    assert swap.swap(path, b"first", b"second")
    assert left not in claims.iterdir()
    assert alive in claims.iterdir()
    os.utime(alive, (0, 0))
    assert swap.swap(path, b"second", b"third")
    assert len(list(claims.iterdir())) == 3
