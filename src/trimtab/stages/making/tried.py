"""Measures what the search tries: on validation rows, and in short turns with the baseline.

Test rows are not there: the dataset is opened without them.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import search as journal
from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.artifacts.search import STAGE, Measured
from trimtab.artifacts.store import ContentStore
from trimtab.batch import Batch
from trimtab.config.budget import Budget
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ArtifactError, ConfigError, DataError, ModelError, StorageError, TrimtabError
from trimtab.evaluate.demands import demands
from trimtab.evaluate.limits import Demand
from trimtab.evaluate.turns import LocalTurns, Served
from trimtab.runtimes import files
from trimtab.runtimes.registry import runtime
from trimtab.stages import settings
from trimtab.stages.making.evaluated import on_validation
from trimtab.stages.making.job import Job
from trimtab.stages.making.untuned import Untuned
from trimtab.stages.proving import split_of

_LATENCY_EXAMPLES = 64
_LEAST_ROUNDS, _MOST_ROUNDS, _SECONDS = 10, 300, 0.3
"""Of turns with the baseline."""

_MOST_STRAIN = 1e6
"""JSON has no infinity."""


def measure(run_uri: str, dataset: str, model: str, baseline: tuple[str, str], jobs: Sequence[Job]) -> None:
    """Measures chains, and takes down what comes of each as it goes.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset; of its splits, training and validation are read.
        model: The reference of the trained model.
        baseline: The baseline's runtime, and the reference of its files.
        jobs: What to measure.

    Raises:
        StorageError: If storage refuses.
        ArtifactError: If something that it needs is damaged.
    """
    _silence()
    with tempfile.TemporaryDirectory(prefix="trimtab-search-") as scratch:
        bench = _Bench(run_uri, dataset, model, baseline, Path(scratch))
        for job in jobs:
            journal.write(run_uri, job.name, Measured(ended=False))
            journal.write(run_uri, job.name, bench.measured(job))


def _silence() -> None:
    """Lets this process, which is a child, say no more: what is tried is told by the one that asked."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


class _Bench:
    def __init__(
        self, run_uri: str, dataset: str, model: str, baseline: tuple[str, str], scratch: Path
    ) -> None:
        self._store, self._config = ContentStore(run_uri), settings.of(run_uri)
        self._data = datasets.read(self._store, dataset, ["train", "validation"])
        self._model, self._scratch = model, scratch
        self._baseline = Served(baseline[0], self._store.open(baseline[1]).path)
        self._examples = self._data.head("validation", _LATENCY_EXAMPLES)[0]
        self._before = _answered(self._baseline, self._data)

    @cached_property
    def _untuned(self) -> Untuned:
        return Untuned(self._config, self._store, self._model, self._data, self._scratch / "few")

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self._config, self._data, self._before)

    def measured(self, job: Job) -> Measured:
        """Returns what is known of a chain, or why it cannot be made."""
        start = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(dir=self._scratch) as directory:
                served = self._served(job, Path(directory) / "files")
                return self._judged(served).model_copy(update={"seconds": time.monotonic() - start})
        except (StorageError, ArtifactError):
            raise
        except TrimtabError as error:
            return Measured(reason=TrimtabError(error.message, field=error.field).describe())
        # A pass may refuse so few rows, or what nobody has tuned, in any way.
        except Exception as error:
            return Measured(reason=f"{type(error).__name__}: {error}")

    def _served(self, job: Job, directory: Path) -> Served:
        streams = self._config.budget.streams_of(job.chain.runtime)
        if job.file:
            return Served(job.chain.runtime, self._store.open(job.file).path, streams)
        self._untuned.write(job.chain, directory)
        return Served(job.chain.runtime, directory, streams)

    def _judged(self, served: Served) -> Measured:
        serving = runtime(served.runtime)
        strain, doubt, loss = self._limits.strain(_answered(served, self._data))
        latency_ms, speed = turns(self._baseline, served, self._examples, self._config.budget.threads)
        return Measured(
            strain=strain,
            doubt=doubt,
            loss=loss,
            size_bytes=files.size_bytes(serving, served.directory),
            gzip_bytes=files.gzip_bytes(serving, served.directory),
            latency_ms=latency_ms,
            speed=speed,
        )


def _answered(served: Served, data: Dataset) -> Examples:
    """Returns what a model makes of the validation rows.

    Raises:
        ModelError: If its answers are no numbers.
    """
    examples, own_schema = on_validation(runtime(served.runtime).load(served.directory), data)
    if not np.isfinite(examples.scores).all():
        raise ModelError("its outputs are not finite numbers on validation examples")
    return replace(examples, own=own_schema)


class Limits:
    """The limits of the budget, held against validation rows.

    Args:
        config: The resolved config.
        data: The dataset, with its validation split.
        before: What the baseline made of it.
    """

    def __init__(self, config: Config, data: Dataset, before: Examples) -> None:
        self._split = split_of(data, "validation", config.budget.columns, data.groups("validation"))
        self._before, self._confidence = before, config.budget.confidence
        self._demands = self._all(config.budget)

    def _all(self, budget: Budget) -> list[Demand]:
        try:
            return demands(budget, self._split)
        except (DataError, ConfigError) as error:
            progress.say(STAGE, f"guided by the task's own metric alone: {error.message}")
            alone: dict[str, object] = {"limits": [], "per_class": None, "slices": []}
            return demands(budget.model_copy(update=alone), self._split)

    def strain(self, after: Examples) -> tuple[float, float, float]:
        """Returns the share of the limit that a model is nearest to, how much more it may be, and the loss.

        Args:
            after: What the model made of the validation rows.
        """
        tests = [
            (demand.limit, demand.test(self._split, self._before, after, self._confidence))
            for demand in self._demands
        ]
        return max((_strain(limit, test) for limit, test in tests), default=(0.0, 0.0, 0.0))


def _strain(limit: Limit, test: LimitTest) -> tuple[float, float, float]:
    loss = _number(test.loss)
    if limit.is_alone:
        # It is as far from the limit as it is: that is measured by the room that the baseline has.
        room = max(abs((test.baseline if test.baseline is not None else limit.value) - limit.value), 1e-3)
        strain, scale = 1 + loss / room, room
    else:
        scale = max(limit.max_loss, 1e-9)
        strain = loss / scale
    doubt = (_number(test.upper_bound) - loss) / scale
    return min(strain, _MOST_STRAIN), min(max(doubt, 0.0), _MOST_STRAIN), loss


def _number(value: float | None) -> float:
    return _MOST_STRAIN if value is None or not math.isfinite(value) else value


def turns(baseline: Served, other: Served, examples: Batch, threads: int) -> tuple[float, float]:
    """Returns the median milliseconds of a model, and the baseline's median over it, measured in turns.

    Args:
        baseline: The baseline.
        other: The model.
        examples: Model-ready, to take turns with.
        threads: Threads of the runtimes.

    Raises:
        ModelError: If one cannot be loaded or run.
    """
    each = {"baseline": baseline, "other": other}
    models = LocalTurns(each, dict.fromkeys(each, examples), threads)
    round_s = sum(models.warm_up(name) for name in each) / 1e9
    rounds = int(np.clip(_SECONDS / max(round_s, 1e-9), _LEAST_ROUNDS, _MOST_ROUNDS))
    times = {name: np.empty(rounds) for name in each}
    for number in range(rounds):
        for name, spent in zip(each, models.take(list(each), number), strict=True):
            times[name][number] = spent
    medians = {name: max(float(np.median(values)), 1.0) for name, values in times.items()}
    return medians["other"] / 1e6, medians["baseline"] / medians["other"]
