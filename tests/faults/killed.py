"""SIGKILL at random moments of a run on this machine, which goes on by ``--resume`` until it ends.

Of a run that nobody killed and of one that was killed again and again, the results (but for times) and the
weights must be the same, what was finished once must not be made again, and no process may outlive its run.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
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
_TIMES = re.compile(
    "seconds|target|tensorboard|^deployed$|latency|speedup|pareto|verdict|why|run_id|^runs?$|uri|path|report|reused|environment|^(.*_)?at$"
)
"""Fields of a result that hang on the clock or name a place; words quote latencies."""


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
    whole = undisturbed.start()
    whole.process.wait(WHOLE_SECONDS)
    if whole.process.returncode:
        tally.fault("failed", "\n".join(whole.log[-20:]))
        return tally
    expected, seconds = outcome(undisturbed), dict[str, float]()
    for record in undisturbed.records().values():
        seconds[record["stage"]] = max(record["seconds"], seconds.get(record["stage"], 0.0))
    stages = Counter[str]()
    while tally.counts["kills"] < kills:
        tally.add("runs")
        left = kills - tally.counts["kills"]
        plan = list(moments(chance, seconds))
        if size == "small":
            plan = sorted(chance.sample(plan, left), key=plan.index)
        _kill_again_and_again(
            Run(directory / f"run-{tally.counts['runs']}"), plan[:left], chance, expected, tally, stages
        )
    tally.facts["stages"] = dict(stages)
    return tally


def _kill_again_and_again(
    run: Run,
    plan: list[tuple[str, float]],
    chance: random.Random,
    expected: dict[str, Any],
    tally: Tally,
    stages: Counter[str],
) -> None:
    made = Made()
    for stage, delay in plan:
        attempt = run.start()
        attempt.begun[stage].wait(WHOLE_SECONDS)
        time.sleep(delay)
        if attempt.process.poll() is not None:  # it ended before: nothing was killed
            tally.add("ended_before")
            if attempt.process.returncode:
                tally.fault("failed", f"{run.directory}: {attempt.log[-12:]}")
                return
            continue
        if orphans := attempt.kill(whole=chance.random() < 0.5):
            tally.fault("orphans", f"{orphans} processes after a kill in {stage} + {delay:.2f} s")
        tally.add("kills")
        stages[stage] += 1
        _note(made.look(run), f"before the kill in {stage} + {delay:.2f} s", tally)
    last = run.start()
    last.process.wait(WHOLE_SECONDS)
    last.reader.join()
    _note(made.look(run), "at the end", tally)
    if last.process.returncode:
        tally.fault("failed", f"{run.directory}: {last.log[-12:]}")
    elif (found := outcome(run)) != expected:
        tally.fault("differ", f"{run.directory}: {list(differences(expected, found))[:5]}")


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
