"""Latency of finalists, measured side by side: one machine, interleaved.

Numbers taken at different times compare machines and moods, not models. Every round runs each model, in
random order, so that a slow moment of the machine hits all of them alike. A model runs twice in a row and
the second run counts: its weights are in the caches then, as when it is served, and not its rival's. Models
of one runtime are run here; where there are several runtimes, those of each in a process of their own, turn
by turn all the same.
"""

from __future__ import annotations

import contextlib
import gc
import random
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Latency
from trimtab.batch import Batch
from trimtab.evaluate.turns import LocalTurns, Served, Turns
from trimtab.evaluate.worker import WorkerTurns

MIN_ROUNDS = 200
LEAST_ROUNDS = 20
MAX_ROUNDS = 2_000
FAST_SECONDS = 5.0
SLOW_SECONDS = 120.0
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
    return {name: summary(values, threads) for name, values in times.items()}, min(map(len, times.values()))


def sample(
    models: Mapping[str, Served],
    examples: Mapping[str, Batch],
    threads: int,
    seed: int = 0,
) -> dict[str, NDArray[np.int64]]:
    """Returns the nanoseconds of every model's runs at batch 1, ``(rounds,)``; those of a round are a pair.

    Each model runs at least 200 times, and up to 2,000 times while the total stays under about 5 seconds.
    Only where 200 rounds would take more than 2 minutes are there fewer, and never fewer than 20.

    Args:
        models: Where they are, by id.
        examples: Each model's inputs to take turns with; the same examples for all.
        threads: Threads of the runtime.
        seed: Seed of the random order within rounds.

    Raises:
        ModelError: If a model cannot be loaded or run.
    """
    with _turns(models, examples, threads) as turns:
        round_ns = sum(turns[name].warm_up(name) for name in models)
        return _interleaved(turns, planned_rounds(round_ns / 1e9), random.Random(seed))


@contextlib.contextmanager
def _turns(
    models: Mapping[str, Served], examples: Mapping[str, Batch], threads: int
) -> Iterator[dict[str, Turns]]:
    """Yields by each model's id what runs it."""
    runtimes = list(dict.fromkeys(model.runtime for model in models.values()))
    found: dict[str, Turns] = {}
    with contextlib.ExitStack() as stack:
        for name in runtimes:
            own = {key: model for key, model in models.items() if model.runtime == name}
            turns: Turns
            if len(runtimes) == 1:
                turns = LocalTurns(own, examples, threads)
            else:
                turns = stack.enter_context(WorkerTurns(name, own, examples, threads))
            found |= dict.fromkeys(own, turns)
        yield found


def planned_rounds(round_seconds: float) -> int:
    """Returns how many rounds to measure, given what one round over all models takes."""
    if round_seconds * MIN_ROUNDS > SLOW_SECONDS:
        return max(LEAST_ROUNDS, int(SLOW_SECONDS / round_seconds))
    return int(np.clip(FAST_SECONDS / max(round_seconds, 1e-9), MIN_ROUNDS, MAX_ROUNDS))


def _interleaved(
    turns: Mapping[str, Turns], rounds: int, order: random.Random
) -> dict[str, NDArray[np.int64]]:
    times = {name: np.empty(rounds, np.int64) for name in turns}
    names = list(turns)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            order.shuffle(names)
            for name in names:
                times[name][number] = turns[name].take(name, number)
    finally:
        if collecting:
            gc.enable()
    return times


def summary(nanoseconds: NDArray[np.int64], threads: int) -> Latency:
    """Returns the percentiles of the runs of one model.

    Args:
        nanoseconds: One value a round, ``(rounds,)``.
        threads: Threads of the runtime.
    """
    p50, p95, p99 = np.percentile(nanoseconds, [50, 95, 99]) / 1e6
    return Latency(p50=float(p50), p95=float(p95), p99=float(p99), threads=threads)
