"""Whether candidates run as they are to be timed: in a process that may crash, before one that must not."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.batch import Batch, take
from trimtab.evaluate.turns import Served
from trimtab.stages import children


def failures(models: Mapping[str, Served], examples: Batch, threads: int) -> dict[str, str]:
    """Returns why some models do not run with so many threads, by id.

    They are tried together, and one by one only where that fails: each process costs the runtime's import.

    Args:
        models: Where they are, by id.
        examples: Model-ready examples; the first is used.
        threads: Threads of the runtime.

    Raises:
        Preempted: If this process is told to stop.
    """
    example, reasons = take(examples, 0, 1), dict[str, str]()
    if children.run("select", _run, list(models.values()), example, threads) is None:
        return reasons
    for name, served in models.items():
        crash = children.run(f"select {name}", _run, [served], example, threads)
        if crash is not None:
            reasons[name] = f"it does not run on {threads} threads: {crash.reason}"
    return reasons


def crash_of(model: Served, examples: Batch, threads: int) -> children.Crash | None:
    """Returns how the champion crashes, or None; here others may have run before it.

    Args:
        model: Where it is.
        examples: Examples as it takes them; the first is used.
        threads: Threads of the runtime.
    """
    return children.run("compare", _run, [model], take(examples, 0, 1), threads, afresh=True)


def _run(models: list[Served], example: Batch, threads: int) -> None:
    for served in models:
        served.load(threads).predict(example)
