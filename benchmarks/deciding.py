"""How long a decision takes, and how much memory: the shipped code, for every metric that can be limited.

    python benchmarks/deciding.py [--candidates 200] [--examples 10000] [--metrics ...]

Prints one line of JSON a metric: ``seconds`` of processor time to judge every candidate at the confidence, as
the report shows it, to forecast the tests from half as many validation examples, and to test in order; and
``peak_mb``, by how much that raised what the process holds at most. Classes are ten, or two where a metric is
about one of them; labels of ``multilabel`` are five; numbers have normal errors. The aim: at most 10 seconds
and 500 MB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import LimitTest
from trimtab.config.budget import Budget
from trimtab.evaluate import choice
from trimtab.evaluate.choice import Contender
from trimtab.evaluate.demands import demands
from trimtab.evaluate.expected import Expectation
from trimtab.evaluate.limits import Demand, Split
from trimtab.tasks.registry import task as task_of

CONFIDENCE = 0.95
MOST_SECONDS, MOST_MB = 10.0, 500.0
LIMITS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "accuracy": ("classification", 10, {"metric": "accuracy", "max_drop": 0.02}),
    "top_k": ("classification", 10, {"metric": "top_k", "k": 3, "max_drop": 0.02}),
    "balanced_accuracy": ("classification", 10, {"metric": "balanced_accuracy", "max_drop": 0.02}),
    "macro_f1": ("classification", 10, {"metric": "macro_f1", "max_drop": 0.02}),
    "micro_f1": ("classification", 10, {"metric": "micro_f1", "max_drop": 0.02}),
    "recall": ("classification", 2, {"metric": "recall", "max_drop": 0.02}),
    "recall_at_precision": (
        "classification",
        2,
        {"metric": "recall", "at": {"precision": 0.8}, "max_drop": 0.02},
    ),
    "precision": ("classification", 2, {"metric": "precision", "max_drop": 0.02}),
    "roc_auc": ("classification", 2, {"metric": "roc_auc", "max_drop": 0.02}),
    "mean roc_auc": ("classification", 10, {"metric": "roc_auc", "max_drop": 0.02}),
    "average_precision": ("classification", 2, {"metric": "average_precision", "max_drop": 0.02}),
    "mean average_precision": ("classification", 10, {"metric": "average_precision", "max_drop": 0.02}),
    "log_loss": ("classification", 10, {"metric": "log_loss", "max_increase": 0.05}),
    "brier": ("classification", 10, {"metric": "brier", "max_increase": 0.05}),
    "calibration_error": ("classification", 10, {"metric": "calibration_error", "max_increase": 0.05}),
    "mae": ("regression", 0, {"metric": "mae", "max_increase": 0.05}),
    "rmse": ("regression", 0, {"metric": "rmse", "max_increase": 0.05}),
    "mape": ("regression", 0, {"metric": "mape", "max_increase": 0.05}),
    "quantile_loss": ("regression", 0, {"metric": "quantile_loss", "quantile": 0.9, "max_increase": 0.05}),
    "r2": ("regression", 0, {"metric": "r2", "max_drop": 0.05}),
    "sample_f1": ("multilabel", 5, {"metric": "sample_f1", "max_drop": 0.02}),
    "multilabel macro_f1": ("multilabel", 5, {"metric": "macro_f1", "max_drop": 0.02}),
    "multilabel average_precision": ("multilabel", 5, {"metric": "average_precision", "max_drop": 0.02}),
}


@dataclass(frozen=True)
class Target:
    """What is known of the labels, see ``tasks.base.Target``."""

    classes: list[str] = field(default_factory=list)
    label_mean: float = 0.0
    label_std: float = 1.0
    thresholds: list[float] = field(default_factory=list)


class Rows:
    """A split, on which models answer as if by labels with noise.

    Args:
        task: Its name.
        classes: How many there are.
        examples: How many there are.
        random: Draws them.
    """

    def __init__(self, task: str, classes: int, examples: int, random: np.random.Generator) -> None:
        self.target = Target([f"c{place}" for place in range(classes)])
        if task == "classification":
            labels: NDArray[Any] = random.integers(classes, size=examples)
            self._signal = 3.0 * (np.arange(classes) == labels[:, None])
        elif task == "multilabel":
            labels = (random.random((examples, classes)) < 0.3).astype(np.float32)
            self._signal = 4.0 * labels - 2
        else:
            labels = random.normal(5, 1, examples).astype(np.float32)
            self._signal = labels[:, None].astype(np.float64)
        self.split = Split(task, self.target, examples, lambda: labels)
        self._random, self._task = random, task
        self._own = random.normal(0, 0.3 if task == "regression" else 1.2, self._signal.shape)

    def answered(self, worse: float) -> Examples:
        """Returns what a model makes of them, whose answers differ from the first one's by some noise."""
        found = self._signal + self._own + worse * self._random.normal(size=self._signal.shape)
        if self._task == "classification":
            found = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
        elif self._task == "multilabel":
            found = 1 / (1 + np.exp(-found))
        answers = found.astype(np.float32)
        scores = task_of(self._task).judging.scores(answers, self.split.labels, self.target, self.target)
        return Examples(np.asarray(scores, np.float32), answers)


def decide(name: str, candidates: int, examples: int) -> dict[str, float]:
    """Returns the seconds and the megabytes that a decision under one limit takes."""
    task, classes, limit = LIMITS[name]
    random = np.random.default_rng(0)
    test, validation = (Rows(task, classes, n, random) for n in (examples, examples // 2))
    worse = np.linspace(0.01, 0.4, candidates)
    known = [(validation.answered(each), test.answered(each)) for each in (0.0, *worse)]
    before, start = _held(), time.process_time()
    (demand,) = (one for one in demands(Budget.model_validate({"limits": [limit]}), test.split))
    expectation = Expectation(demand, validation.split, known[0][0], examples)
    found = [
        Contender(str(place), str(place // 4), 0.99 - 0.9 * place / candidates, [expectation.losses(seen)])
        for place, (seen, _) in enumerate(known[1:])
    ]
    tests = _tests(demand, test.split, [one for _, one in known])
    for one in found:
        tests(one.name, CONFIDENCE)
    choice.prove(found, [expectation.stake], examples, CONFIDENCE, tests)
    return {
        "seconds": round(time.process_time() - start, 2),
        "peak_mb": round((_held() - before) / 1024, 1),
    }


def _tests(demand: Demand, split: Split, known: list[Examples]) -> Callable[[str, float], list[LimitTest]]:
    return lambda name, confidence: [demand.test(split, known[0], known[1 + int(name)], confidence)]


def _held() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _put(name: str, candidates: int, examples: int, queue: Any) -> None:
    queue.put(decide(name, candidates, examples))


def main() -> None:
    """Prints one line of JSON a metric, and what took too much."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--metrics", nargs="+", default=list(LIMITS), choices=list(LIMITS))
    arguments = parser.parse_args()
    for name in arguments.metrics:
        # In a process of its own: what one held at most is not another's.
        queue: Any = multiprocessing.Queue()
        process = multiprocessing.Process(
            target=_put, args=(name, arguments.candidates, arguments.examples, queue)
        )
        process.start()
        figures = queue.get()
        process.join()
        print(json.dumps({"metric": name, **figures}), flush=True)
        if figures["seconds"] > MOST_SECONDS or figures["peak_mb"] > MOST_MB:
            print(f"{name}: {figures['seconds']} s, {figures['peak_mb']} MB", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
