"""Files made to attack, each opened by a child as a dry run opens it: refused in bounded time and memory.

Canaries tell what a payload did: a file that it would create, and a directory that nothing may write to. The
time is the processor's, since a busy machine is no fault of a reader's; what waits is ended by the clock.
``FAULTS_ONLY=npz`` in the environment tries those alone whose names have that in them.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from faults import bombs_in_data, bombs_in_models, bombs_in_saved_models
from faults.bomb import Bomb
from faults.tally import Tally

GROUP = "attacks"
SMALL = 5
"""Of the small size, every so manieth attack."""
CPU_SECONDS, WALL_SECONDS = 10.0, 90.0
MEMORY_BYTES = 1 << 30
_CAP_BYTES = 6 << 30


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        how: ``typed``, ``accepted``, ``untyped`` or ``hung``, or the signal.
        said: The error.
        cpu_seconds: Of the child, and of its children.
        memory_bytes: Above the idle process, at most.
    """

    how: str
    said: str
    cpu_seconds: float
    memory_bytes: int


_ONCE = ("trimtab.stages.making.imported", "trimtab.data.prepare.prepare", "trimtab.runtimes.litert.convert")
"""What is imported once, for all children."""


def run(size: str, directory: Path, seed: int = 0) -> Tally:
    """Makes every attack, and tries it."""
    tally = Tally(GROUP, ("executed", "wrote_outside", "over_time", "over_memory", "untyped", "accepted"))
    ways = Counter[str]()
    for name in _ONCE:
        import_module(name)
    bombs = list(_bombs())
    if only := os.environ.get("FAULTS_ONLY"):
        bombs = [bomb for bomb in bombs if only in bomb.name]
    for bomb in bombs[seed % SMALL :: SMALL] if size == "small" else bombs:
        place = directory / bomb.name
        outside = directory / f"{bomb.name}-outside"
        for made in (place, outside):
            made.mkdir(parents=True)
        (outside / "canary").write_text("as it was")
        ended = _in_child(bomb, place, outside)
        ways[ended.how] += 1
        tally.add("attacks")
        _judge(bomb, ended, outside, tally)
    tally.facts["ended"] = dict(ways)
    return tally


def _bombs() -> Iterator[Bomb]:
    yield from bombs_in_data.BOMBS
    yield from bombs_in_models.BOMBS
    yield from bombs_in_saved_models.BOMBS


def _judge(bomb: Bomb, ended: Ended, outside: Path, tally: Tally) -> None:
    told = f"{bomb.name}: {ended}"
    if (outside / "executed").exists():
        tally.fault("executed", told)
    there = {file.name for file in outside.iterdir()} - {"executed"}
    if there != {"canary"} or (outside / "canary").read_text() != "as it was":
        tally.fault("wrote_outside", told)
    if ended.how == "hung" or ended.cpu_seconds > CPU_SECONDS + bomb.library_seconds:
        tally.fault("over_time", told)
    if ended.memory_bytes > MEMORY_BYTES:
        tally.fault("over_memory", told)
    if ended.how == "accepted" and bomb.is_refused:
        tally.fault("accepted", told)
    if ended.how not in ("typed", "accepted", "hung"):
        tally.fault("untyped", told)


def _in_child(bomb: Bomb, place: Path, outside: Path) -> Ended:
    """Makes and opens a bomb in processes of their own."""
    maker = _forked(lambda: bomb.make(place, outside), place / ".make.log")
    assert _wait(maker, 300.0)[1] == 0, (place / ".make.log").read_text(errors="replace")
    report = place / ".report"
    child = _forked(lambda: _open(bomb, place, report), place / ".log")
    hung, status, usage = _wait(child, WALL_SECONDS)
    told = json.loads(report.read_text()) if report.is_file() else {}
    idle = told.get("idle", usage.ru_maxrss)
    how = "hung" if hung else told.get("how") or f"signal or exit {status}"
    return Ended(
        how,
        told.get("said", (place / ".log").read_text(errors="replace")[-300:]),
        usage.ru_utime + usage.ru_stime - told.get("before", 0.0),
        max(0, told.get("peak", usage.ru_maxrss) - idle, told.get("children", 0) - told.get("least", 0))
        << 10,
    )


def _forked(work: Callable[[], Any], log: Path) -> int:
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        os.setsid()
        handle = os.open(log, os.O_WRONLY | os.O_CREAT)
        for descriptor in (1, 2):
            os.dup2(handle, descriptor)
        work()
        code = 0
    except BaseException as error:
        os.write(2, repr(error).encode(errors="replace"))
    finally:
        os._exit(code)


def _wait(child: int, seconds: float) -> tuple[bool, int, Any]:
    """Returns whether a child hung, its status, and what it used, with its children."""
    end, hung = time.monotonic() + seconds, False
    try:
        while True:
            done, status, usage = os.wait4(child, os.WNOHANG)
            if done:
                return hung, status, usage
            if time.monotonic() > end:
                hung = True
                _kill(child)
            time.sleep(0.01)
    finally:
        _kill(child)


def _kill(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _open(bomb: Bomb, place: Path, report: Path) -> None:
    """Opens a bomb in this process, under a cap, and leaves word of what came of it."""
    from trimtab.errors import TrimtabError

    resource.setrlimit(resource.RLIMIT_DATA, (_CAP_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(place)
    os.environ |= {"HOME": str(place), "TMPDIR": str(place)}
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"idle": used.ru_maxrss, "before": used.ru_utime + used.ru_stime}
    try:
        bomb.open(place)
        how, said = "accepted", ""
    except TrimtabError as error:
        how, said = "typed", error.describe()
    except Exception as error:  # what is no error for users is what this looks for
        how, said = "untyped", f"{type(error).__name__}: {error}"[:300]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    told |= {"how": how, "said": said, "peak": peak, "children": children, "least": 400_000}
    report.write_text(json.dumps(told))
