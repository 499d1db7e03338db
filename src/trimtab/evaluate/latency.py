"""Latency of finalists, measured side by side: one machine, interleaved.

Numbers taken at different times compare machines and moods, not models. Every round runs each model, in
random order, so that a slow moment of the machine hits all of them alike. A model runs twice in a row and
the second run counts: its weights are in the caches then, as when it is served, and not its rival's.

A process has a layout of its memory, and threads where they happen to be; its rounds share both, and agree
with each other better than with another process. So the rounds are those of five processes, one after the
other, and how far these are apart is what the interval of a latency says. The models of each runtime have a
process of their own in each, which waits for its turn.

Source: Kalibera and Jones, Rigorous benchmarking in reasonable time (ISMM 2013); Student's interval of the
mean of the processes' logarithms.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import random
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from trimtab.artifacts.evaluation import Latency
from trimtab.batch import Batch
from trimtab.evaluate.turns import Served, Turns
from trimtab.evaluate.worker import WorkerTurns

MIN_ROUNDS = 200
LEAST_ROUNDS = 20
MAX_ROUNDS = 1_000
FAST_SECONDS = 3.0
SLOW_SECONDS = 120.0
PROCESSES = 5
SURE = 0.95
NOISE = 0.03
"""Medians closer than this are one: one file measured three times differs by 2 % on a busy machine."""


def measure(
    models: Mapping[str, Served],
    examples: Mapping[str, Batch],
    threads: int,
    seed: int = 0,
) -> tuple[dict[str, Latency], int]:
    """Returns the latency of every model at batch 1, and how many runs of each one were counted.

    Args:
        models: As for ``sample``.
        examples: As for ``sample``.
        threads: As for ``sample``.
        seed: As for ``sample``.

    Raises:
        ModelError: If a model cannot be loaded or run.
    """
    times = sample(models, examples, threads, seed)
    runs = min(values.size for values in times.values())
    return {name: summary(values, threads) for name, values in times.items()}, runs


def sample(
    models: Mapping[str, Served],
    examples: Mapping[str, Batch],
    threads: int,
    seed: int = 0,
) -> dict[str, NDArray[np.int64]]:
    """Returns the nanoseconds of every model's runs at batch 1, ``(processes, rounds)``, in pairs by round.

    Each model runs at least 200 times, and up to 1,000 times while the total stays under about 3 seconds.
    Only where 200 rounds would take more than 2 minutes are there fewer, and never fewer than 20.

    Args:
        models: Where they are, by id.
        examples: Each model's inputs to take turns with; the same examples for all.
        threads: Threads of the runtime.
        seed: Seed of the random order within rounds.

    Raises:
        ModelError: If a model cannot be loaded or run.
    """
    order, rounds, parts = random.Random(seed), range(0), list[dict[str, NDArray[np.int64]]]()
    with contextlib.ExitStack() as stack:
        # Importing takes longer than measuring: all import at once, and none measures before all are done.
        started = [_started(stack, models, examples, threads) for _ in range(PROCESSES)]
        for worker in itertools.chain(*started):
            worker.wait()
        for workers in started:
            turns = _loaded(workers)
            round_ns = sum(turns[name].warm_up(name) for name in models)
            each = len(rounds) or -(-planned_rounds(round_ns / 1e9) // PROCESSES)
            rounds = range(rounds.stop, rounds.stop + each)
            parts.append(_interleaved(turns, rounds, order))
            for worker in workers:
                worker.end()
    return {name: np.stack([part[name] for part in parts]) for name in models}


def _started(
    stack: contextlib.ExitStack, models: Mapping[str, Served], examples: Mapping[str, Batch], threads: int
) -> list[WorkerTurns]:
    """Starts a process for the models of each runtime, which ends with the stack at the latest."""
    workers = []
    for name in dict.fromkeys(model.runtime for model in models.values()):
        group = {key: model for key, model in models.items() if model.runtime == name}
        workers.append(stack.enter_context(WorkerTurns(name, group, examples, threads)))
    return workers


def _loaded(workers: Iterable[WorkerTurns]) -> dict[str, Turns]:
    """Loads the models, and returns by each one's id what runs it."""
    turns: dict[str, Turns] = {}
    for worker in workers:
        worker.load()
        turns |= dict.fromkeys(worker.models, worker)
    return turns


def planned_rounds(round_seconds: float) -> int:
    """Returns how many rounds to measure, given what one round over all models takes."""
    if round_seconds * MIN_ROUNDS > SLOW_SECONDS:
        return max(LEAST_ROUNDS, int(SLOW_SECONDS / round_seconds))
    return int(np.clip(FAST_SECONDS / max(round_seconds, 1e-9), MIN_ROUNDS, MAX_ROUNDS))


def _interleaved(
    turns: Mapping[str, Turns], rounds: range, order: random.Random
) -> dict[str, NDArray[np.int64]]:
    times = {name: np.empty(len(rounds), np.int64) for name in turns}
    names = list(turns)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for place, number in enumerate(rounds):
            order.shuffle(names)
            # What has turns in a row in one process is asked for at once: to ask takes longer than a turn.
            for process, group in itertools.groupby(names, turns.__getitem__):
                for name, spent in zip(row := list(group), process.take(row, number), strict=True):
                    times[name][place] = spent
    finally:
        if collecting:
            gc.enable()
    return times


def summary(nanoseconds: NDArray[np.int64], threads: int) -> Latency:
    """Returns the percentiles of the runs of one model, over all processes and how far these are apart.

    Args:
        nanoseconds: One value a round, ``(processes, rounds)``.
        threads: Threads of the runtime.
    """
    p50, p95, p99 = np.percentile(nanoseconds, [50, 95, 99]) / 1e6
    medians = np.percentile(nanoseconds, 50, axis=1) / 1e6
    return Latency(
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
        threads=threads,
        p50_interval=interval(medians),
        medians=medians.tolist(),
    )


def interval(values: NDArray[np.floating]) -> tuple[float, float] | None:
    """Returns where the mean over processes is, with 95 % confidence; None of fewer than two.

    Args:
        values: One of each process, positive, ``(processes,)``.
    """
    if len(values) < 2:
        return None
    logs = np.log(values)
    reach = stdtrit(len(logs) - 1, (1 + SURE) / 2) * logs.std(ddof=1) / np.sqrt(len(logs))
    return float(np.exp(logs.mean() - reach)), float(np.exp(logs.mean() + reach))


def speedup(baseline: Latency, other: Latency) -> tuple[float, float]:
    """Returns how many times as fast a model is as the baseline, and how many at least.

    The medians of a process are a pair: what slows one of them down, slows down the other.

    Args:
        baseline: The baseline's latency.
        other: The model's, measured in the same processes.
    """
    observed = baseline.p50 / other.p50
    ratios = [before / after for before, after in zip(baseline.medians, other.medians, strict=True)]
    ends = interval(np.asarray(ratios))
    return observed, min(ends[0], observed) if ends else observed
