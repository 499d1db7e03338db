"""Weighs models as they would be served, for passes that choose by it; see ``compress.base.Scales``."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from trimtab.artifacts import timing
from trimtab.artifacts.store import ContentStore, reference
from trimtab.batch import Batch
from trimtab.cpus import processor
from trimtab.evaluate.turns import LocalTurns, Served
from trimtab.runtimes import files
from trimtab.runtimes.registry import runtime

THREADS = 1
_EXAMPLES = 64
_LEAST_ROUNDS, _MOST_ROUNDS, _SECONDS = 20, 200, 3.0
"""Of turns of all models."""


class Weighing:
    """Makes files to weigh them, and keeps none.

    Args:
        store: The content store, which has what was measured before on such a processor.
        examples: Returns that many model-ready training examples.
        seed: Seed of the random order within rounds.
    """

    def __init__(self, store: ContentStore, examples: Callable[[int], Batch], seed: int) -> None:
        self._store, self._examples, self._seed = store, examples, seed

    def gzip_bytes(self, model: keras.Model, name: str, quantization: str) -> int:
        """See ``Scales``."""
        with tempfile.TemporaryDirectory(prefix="trimtab-weighing-") as scratch:
            served = self._made(model, name, quantization, Path(scratch))
            return files.gzip_bytes(runtime(name), served.directory)

    def milliseconds(self, models: Sequence[keras.Model], name: str, quantization: str) -> list[float]:
        """See ``Scales``."""
        ref = reference(
            timing.KIND,
            models=[model.to_json() for model in models],
            runtime=name,
            quantization=quantization,
            processor=processor(),
            threads=THREADS,
        )
        if (known := timing.read(self._store, ref)) is not None:
            return known.milliseconds
        with tempfile.TemporaryDirectory(prefix="trimtab-weighing-") as scratch:
            served = {}
            for number, model in enumerate(models):
                served[str(number)] = self._made(model, name, quantization, Path(scratch) / f"{number}")
            found, rounds = _medians(served, self._examples(_EXAMPLES), self._seed)
        timing.write(self._store, ref, found, rounds)
        return found

    def _made(self, model: keras.Model, name: str, quantization: str, directory: Path) -> Served:
        serving = runtime(name)
        directory.mkdir(exist_ok=True)
        params = serving.quantizers[quantization].params()
        serving.convert(model, quantization, params, directory, self._examples, None)
        return Served(name, directory)


def _medians(served: dict[str, Served], examples: Batch, seed: int) -> tuple[list[float], int]:
    """Returns the median milliseconds of each model, in their order, and the rounds that were taken."""
    turns = LocalTurns(served, dict.fromkeys(served, examples), THREADS)
    round_s, order = sum(turns.warm_up(name) for name in served) / 1e9, random.Random(seed)
    rounds = int(np.clip(_SECONDS / max(round_s, 1e-9), _LEAST_ROUNDS, _MOST_ROUNDS))
    times, names = {name: np.empty(rounds) for name in served}, list(served)
    for number in range(rounds):
        order.shuffle(names)
        for name, taken_ns in zip(names, turns.take(names, number), strict=True):
            times[name][number] = taken_ns
    return [float(np.median(times[name])) / 1e6 for name in served], rounds
