"""What is inside the files of a few candidates: layers that were looked at before, and times measured now."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from trimtab import progress
from trimtab.artifacts import inside
from trimtab.artifacts.inside import Inside, OperatorTime
from trimtab.batch import Batch, take
from trimtab.errors import ModelError
from trimtab.evaluate.turns import Served
from trimtab.runtimes.registry import runtime
from trimtab.stages import children

_Times = TypeAdapter(dict[str, tuple[list[OperatorTime], str]])


def look(models: Mapping[str, Served], examples: Batch, threads: int) -> dict[str, Inside]:
    """Returns what is inside some candidates, by id.

    Times are taken in a child, since a runtime's counters may end a process; whatever happens to it, the run
    goes on, and says so.

    Args:
        models: Where their files are, by id.
        examples: Model-ready examples; the first is used.
        threads: Threads of the runtime.

    Raises:
        Preempted: If this process is told to stop.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-") as directory:
        file = Path(directory, "times.json")
        crash = children.run("select", _time, dict(models), take(examples, 0, 1), threads, file)
        timed = _Times.validate_json(file.read_bytes()) if file.is_file() else {}
    why_not = f"they could not be measured: {crash.reason.splitlines()[0]}" if crash else ""
    if why_not:
        progress.say("select", f"times of operators: {why_not}")
    return {name: _inside(served, *timed.get(name, ([], why_not))) for name, served in models.items()}


def _inside(served: Served, times: list[OperatorTime], how: str) -> Inside:
    return Inside(layers=inside.read(served.directory), times=times, how_timed=how)


def _time(models: dict[str, Served], example: Batch, threads: int, file: Path) -> None:
    """Writes the times of each model; after each, so that a crash costs those that come later alone."""
    times: dict[str, tuple[list[OperatorTime], str]] = {}
    for name, served in models.items():
        times[name] = _times(served, example, threads)
        file.write_bytes(_Times.dump_json(times))


def _times(served: Served, example: Batch, threads: int) -> tuple[list[OperatorTime], str]:
    try:
        times = runtime(served.runtime).times(served.directory, example, threads)
    except ModelError as error:
        return [], f"not available: {error.message}"
    return [
        OperatorTime(name=name, kind=kind, milliseconds=spent) for name, kind, spent in times.operators
    ], times.how
