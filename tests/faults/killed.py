"""SIGKILL at random moments of a run on this machine, which goes on by ``--resume`` until it ends.

Of a run that nobody killed and of one that was killed again and again, the results (but for times) and the
weights must be the same, what was finished once must not be made again, and no process may outlive its run.
Two runs go on at a time: most of what one does is to start.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.tally import Tally

GROUP = "killed"
KILLS = {"small": 2, "full": 100}
CONFIG = """\
name: tiny
seed: 3
data: {train: "sklearn://digits", workers: 1}
model: {architecture: mlp, params: {units: 16}}
tune: {algorithm: random, trials: 2, epochs: 1}
train: {epochs: 3, batch_size: 128}
recipes:
- [[none, dynamic_int8]]
- [{channels: {ratio: 0.4, epochs: 2}}, int8]
budget: {max_accuracy_drop: 0.9, objective: size}
"""
STAGES = (
    "begin",
    "data_prep",
    "tune",
    "train",
    "prune",
    "quantize",
    "evaluate",
    "select",
    "deploy",
    "report",
)
_STARTED = re.compile(r"\s*\d+:\d+\s+(\w+)(?: \d+/\d+)?\s+started")
_GONE_SECONDS = 10.0
WHOLE_SECONDS = 600.0
_AT_A_TIME = 2
_TIMES = re.compile(
    "seconds|target|tensorboard|^deployed$|latency|speedup|pareto|verdict|why|run_id|^runs?$|uri|path|report|reused|environment|^(.*_)?at$"
    "|^content_sha256$"
)
"""Fields of a result that hang on the clock or a place, or are a checksum of such; words quote latencies."""


@dataclass
class Attempt:
    """One process of a run, and the stages that have begun in it."""

    process: subprocess.Popen[str]
    begun: dict[str, threading.Event] = field(
        default_factory=lambda: {stage: threading.Event() for stage in STAGES}
    )
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.begun["begin"].set()
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if (found := _STARTED.match(line)) and found[1] in self.begun:
                self.begun[found[1]].set()
        for event in self.begun.values():  # it has ended: nobody waits any longer
            event.set()

    def kill(self, *, whole: bool) -> int:
        """Kills the main process, or all that it has started at once; returns how many live on."""
        alive = set(session(self.process.pid))
        for process in alive if whole else {self.process.pid}:
            _kill(process)
        self.process.wait()
        end = time.monotonic() + _GONE_SECONDS
        while (left := session(self.process.pid)) and time.monotonic() < end:
            time.sleep(0.02)
        for process in left:
            _kill(process)
        return len(left)


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def session(leader: int) -> list[int]:
    """Returns the processes of a session that have not ended."""
    return [process for process, state, of in _processes() if of == leader and state not in "ZX"]


def _processes() -> Iterator[tuple[int, str, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of, *_ = stat.read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        yield int(stat.parent.name), state, int(of)


@dataclass
class Run:
    """A run in a directory of its own, however many processes it takes."""

    directory: Path

    def __post_init__(self) -> None:
        (self.directory / "tmp").mkdir(parents=True)
        (self.directory / "tiny.yaml").write_text(CONFIG)

    @property
    def output(self) -> Path:
        return self.directory / "out"

    @property
    def place(self) -> Path | None:
        """Returns the run's directory once there is something to go on with."""
        return next((file.parent for file in self.output.glob("tiny-*/config.json")), None)

    def start(self) -> Attempt:
        resume = ["--resume", self.place.name] if self.place else []
        command = [sys.executable, "-m", "trimtab", "run", "tiny.yaml", "--output", "out", *resume]
        environment = {**os.environ, "TMPDIR": str(self.directory / "tmp"), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        return Attempt(process)

    @contextlib.contextmanager
    def started(self) -> Iterator[Attempt]:
        """Yields an attempt of which nothing goes on when the block ends, however it does."""
        attempt = self.start()
        try:
            yield attempt
        finally:
            attempt.kill(whole=True)

    def records(self) -> dict[str, dict[str, Any]]:
        """Returns the records of the tasks so far by name."""
        stages = self.place / "stages" if self.place else self.directory / "none"
        return {file.stem: json.loads(file.read_bytes()) for file in stages.glob("*.json")}

    def selected(self) -> int:
        """Returns which file says what was selected: another one where it was decided again."""
        file = self.place / "selection/manifest.json" if self.place else self.directory / "none"
        return file.stat().st_ino if file.is_file() else 0


class Made:
    """What attempts have made, to tell what is made a second time."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Any]] = {}
        self._made = Counter[str]()
        self._selected = 0

    def look(self, run: Run) -> list[str]:
        """Takes note of what the last attempt has left; returns what it made that was there already."""
        again = []
        for name, record in run.records().items():
            if record == self._seen.get(name):
                continue
            self._seen[name] = record
            for entry in record["entries"]:
                made = f"{name} {entry['name']}".strip()
                if entry["ok"] and not entry["reused"]:
                    self._made[made] += 1
                    again += [made] if self._made[made] > 1 else []
        selected = run.selected() if self._seen.get("select", {}).get("ok") else 0
        if self._selected and selected != self._selected:
            again.append("select")
        self._selected = selected
        return again


def outcome(run: Run) -> dict[str, Any]:
    """Returns what came of a run, less times and places, with digests of all weights and files."""
    assert run.place is not None
    result = json.loads((run.place / "result.json").read_bytes())
    weights = {
        name: [entry["summary"].get("weights_sha256") for entry in record["entries"]]
        + [record["summary"].get("weights_sha256")]
        for name, record in run.records().items()
    }
    return {"result": _lasting(result), "weights": weights, "deployed": _deployed(run)}


def _deployed(run: Run) -> dict[str, list[str]]:
    """Returns the digests of the model's files of every version there is."""
    found = {}
    for manifest in sorted((run.output / "deployed/tiny").glob("[0-9]*/manifest.json")):
        files = json.loads(manifest.read_bytes())["files"]
        found[manifest.parent.name] = [entry["sha256"] for name, entry in files.items() if ".tflite" in name]
    return found


def _lasting(value: Any) -> Any:
    """Returns a result without what another clock or directory changes."""
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if not _TIMES.search(key)}
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    return value


def moments(chance: random.Random, seconds: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Yields for each kill of a run a stage, in their order, and the seconds after its start."""
    for stage in STAGES:
        for _ in range(chance.choice((0, 1, 1, 2))):
            yield stage, chance.uniform(0, 1.2 * seconds.get(stage, 3.0))


def run(size: str, directory: Path, seed: int = 0) -> Tally:
    """Kills runs until there were enough kills."""
    kills, chance = KILLS[size], random.Random(seed)
    tally = Tally(GROUP, ("redone_tasks", "differ", "failed", "orphans"))
    undisturbed = Run(directory / "undisturbed")
    with undisturbed.started() as whole:
        whole.process.wait(WHOLE_SECONDS)
    if whole.process.returncode:
        tally.fault("failed", "\n".join(whole.log[-20:]))
        return tally
    expected, seconds = outcome(undisturbed), dict[str, float]()
    for record in undisturbed.records().values():
        seconds[record["stage"]] = max(record["seconds"], seconds.get(record["stage"], 0.0))
    killing = _Killing(directory, chance, expected, tally)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        try:
            while (left := kills - tally.counts["kills"]) > 0:
                plans = list(_plans(chance, seconds, left, spread=size == "small"))
                list(pool.map(killing.follow, plans))
        finally:
            killing.stop()
    tally.facts["stages"] = dict(killing.stages)
    return tally


def _plans(
    chance: random.Random, seconds: dict[str, float], kills: int, *, spread: bool
) -> Iterator[list[tuple[str, float]]]:
    """Yields the kills of one run after the other until there are enough; ``spread`` over all stages."""
    while kills:
        plan = list(moments(chance, seconds))
        if spread:
            plan = sorted(chance.sample(plan, kills), key=plan.index)
        yield plan[:kills]
        kills -= len(plan[:kills])


@dataclass
class _Killing:
    """Runs that are killed by plan, some at a time.

    Attributes:
        directory: Where they are.
        chance: Says whom a kill hits.
        expected: The outcome of a run that nobody killed.
        tally: What came of them.
        stages: How often each stage was hit.
    """

    directory: Path
    chance: random.Random
    expected: dict[str, Any]
    tally: Tally
    stages: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _alive: set[int] = field(default_factory=set)

    def follow(self, plan: list[tuple[str, float]]) -> None:
        """Kills a run at each moment of a plan, and lets it go on to its end."""
        with self._lock:
            self.tally.add("runs")
            run = Run(self.directory / f"run-{self.tally.counts['runs']}")
        made = Made()
        for stage, delay in plan:
            if not self._kill_once(run, made, stage, delay):
                return
        with self._started(run) as last:
            last.process.wait(WHOLE_SECONDS)
            last.reader.join()
        if not self._stopped.is_set():
            self._judge(run, made, last)

    def stop(self) -> None:
        """Ends what goes on, where there is anything."""
        self._stopped.set()
        for leader in list(self._alive):
            for process in session(leader):
                _kill(process)

    @contextlib.contextmanager
    def _started(self, run: Run) -> Iterator[Attempt]:
        with run.started() as attempt:
            self._alive.add(attempt.process.pid)
            if self._stopped.is_set():
                attempt.kill(whole=True)
            yield attempt
        self._alive.discard(attempt.process.pid)

    def _kill_once(self, run: Run, made: Made, stage: str, delay: float) -> bool:
        """Returns whether the run may go on."""
        with self._started(run) as attempt:
            attempt.begun[stage].wait(WHOLE_SECONDS)
            time.sleep(delay)
            if self._stopped.is_set():
                return False
            if attempt.process.poll() is not None:  # it ended before: nothing was killed
                return self._ended(run, attempt)
            with self._lock:
                whole = self.chance.random() < 0.5
            orphans = attempt.kill(whole=whole)
        when = f"{run.directory}: the kill in {stage} + {delay:.2f} s"
        with self._lock:
            if orphans:
                self.tally.fault("orphans", f"{orphans} processes after {when}")
            self.tally.add("kills")
            self.stages[stage] += 1
            _note(made.look(run), f"before {when}", self.tally)
        return True

    def _ended(self, run: Run, attempt: Attempt) -> bool:
        with self._lock:
            self.tally.add("ended_before")
            if attempt.process.returncode:
                self.tally.fault("failed", f"{run.directory}: {attempt.log[-12:]}")
        return not attempt.process.returncode

    def _judge(self, run: Run, made: Made, last: Attempt) -> None:
        with self._lock:
            _note(made.look(run), f"{run.directory}: at the end", self.tally)
            if last.process.returncode:
                self.tally.fault("failed", f"{run.directory}: {last.log[-12:]}")
            elif (found := outcome(run)) != self.expected:
                self.tally.fault("differ", f"{run.directory}: {list(differences(self.expected, found))[:5]}")
            else:
                shutil.rmtree(run.directory)


def _note(again: list[str], when: str, tally: Tally) -> None:
    for name in again:
        tally.fault("redone_tasks", f"{name}, {when}")


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Yields where two outcomes differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    elif one != other:
        yield f"{place}: {str(one)[:60]} / {str(other)[:60]}"
