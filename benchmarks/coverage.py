"""Whether each metric's bound keeps its level: simulated tests, and how often the limit misses the truth.

    python benchmarks/coverage.py [--runs 400] [--examples 100 ...] [--metrics ...] [--groups] [--seed 0]

Prints one line of JSON a cell: ``level``, the share of tests whose upper limit is not below the true
loss, its standard error ``se``, and ``proven``: whether the bound calls a limit from so many examples proven.
Complains where it does, and the level is more than two standard errors below the confidence of 0.95.

A baseline answers almost as the truth, a candidate a little worse: ``everywhere`` (more noise on every
example), or ``rare`` (2 % of the examples are hit hard). Classes are two, of which one has 30 % of the
examples or, for ``rare_class``, 5 %; of ``labels`` an example may have any of three, each with 15 %. Errors
of numbers have Student's t distribution with 3 degrees of freedom. With ``--groups``, examples come in
groups of 20 and 50, within which damage correlates by 0.05 to 0.5; groups are of one size, or their
logarithms spread by 0.4 or 1 (20 of them are then worth 17 or 10).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from trimtab.evaluate.bounds.base import Bound
from trimtab.evaluate.bounds.means import means, needs_of
from trimtab.evaluate.bounds.proportions import proportions
from trimtab.evaluate.bounds.resampled import resampled
from trimtab.evaluate.bounds.roc_auc import roc_auc
from trimtab.registry import METRICS, module
from trimtab.tasks.metrics.base import Measure

CONFIDENCE = 0.95
EXAMPLES = (100, 300, 1_000, 10_000)
GROUPS = ((20, 20), (20, 50), (30, 20), (30, 80), (50, 20), (50, 50), (100, 20), (200, 50))
SPREADS = (0.0, 0.4, 1.0)
CORRELATIONS = (0.05, 0.2, 0.5)
_POPULATION = 400_000
_HIT = 0.02
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class At:
    """Where on a curve a metric is read."""

    precision: float


@dataclass(frozen=True)
class Asked:
    """A metric as a config asks for it.

    Attributes:
        name: Its key in the registry.
        positives: The share of the second of two classes; 0: numbers are predicted.
        labels: How many an example may have, each with that share; 0: it is of one class.
    """

    name: str
    positives: float
    class_name: str | None = None
    at: At | None = None
    k: int | None = None
    quantile: float | None = None
    relevant_from: float | None = None
    labels: int = 0

    @property
    def measure(self) -> Measure:
        classes = [f"label {place}" for place in range(self.labels)]
        classes = classes or (["no", "yes"] if self.positives else [])
        made: Measure = module(METRICS, self.name).METRICS[self.name].make(self, classes)
        return made


CASES = {
    "accuracy": Asked("accuracy", 0.3),
    "recall": Asked("recall", 0.3),
    "recall/rare_class": Asked("recall", 0.05),
    "roc_auc": Asked("roc_auc", 0.3),
    "roc_auc/rare_class": Asked("roc_auc", 0.05),
    "log_loss": Asked("log_loss", 0.3),
    "brier": Asked("brier", 0.3),
    "balanced_accuracy": Asked("balanced_accuracy", 0.3),
    "balanced_accuracy/rare_class": Asked("balanced_accuracy", 0.05),
    "macro_f1": Asked("macro_f1", 0.3),
    "macro_f1/rare_class": Asked("macro_f1", 0.05),
    "precision": Asked("precision", 0.3),
    "average_precision": Asked("average_precision", 0.3),
    "average_precision/rare_class": Asked("average_precision", 0.05),
    "recall_at_precision": Asked("recall", 0.3, at=At(0.8)),
    "calibration_error": Asked("calibration_error", 0.3),
    "mae": Asked("mae", 0),
    "rmse": Asked("rmse", 0),
    "quantile_loss": Asked("quantile_loss", 0, quantile=0.9),
    "r2": Asked("r2", 0),
    "sample_f1/labels": Asked("sample_f1", 0.15, labels=3),
    "macro_f1/labels": Asked("macro_f1", 0.15, labels=3),
    "micro_f1/labels": Asked("micro_f1", 0.15, labels=3),
    "average_precision/labels": Asked("average_precision", 0.15, labels=3),
}


@dataclass(frozen=True)
class Cell:
    """What is simulated.

    Attributes:
        case: A key of ``CASES``.
        damage: ``everywhere`` or ``rare``.
        examples: Of a test.
        size: Examples of a group; 1: they are drawn by themselves.
        correlation: Of the damage within a group.
        spread: Of the logarithms of groups' sizes; 0: all have the same.
    """

    case: str
    damage: str
    examples: int
    size: int = 1
    correlation: float = 0.0
    spread: float = 0.0
    asked: Asked = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "asked", CASES[self.case])

    def draw(
        self, examples: int, random: np.random.Generator, groups: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[Any], _Floats, _Floats]:
        """Returns labels, and what baseline and candidate answer, ``(n,)`` or ``(n, 2)``."""
        positives = self.asked.positives
        if self.asked.labels:
            drawn = [_classes(examples, positives, random) for _ in range(self.asked.labels)]
            there = np.stack([each for each, _ in drawn], axis=1).astype(np.float32)
            answers = np.stack([probabilities for _, probabilities in drawn], axis=1)
            after = self.damaged(answers, self.noise(examples, random, groups)[:, None])
            return there, answers[..., 1], after[..., 1]
        labels, before = _classes(examples, positives, random) if positives else _numbers(examples, random)
        return labels, before, self.damaged(before, self.noise(examples, random, groups))

    def groups(self, random: np.random.Generator) -> NDArray[np.int64] | None:
        """Returns the group of each example, ``(n,)``; None: each is its own."""
        if self.size == 1:
            return None
        sizes = self.size * random.lognormal(-(self.spread**2) / 2, self.spread, self.examples // self.size)
        return np.repeat(np.arange(len(sizes)), np.maximum(sizes.round().astype(int), 1))

    def damaged(self, before: _Floats, noise: _Floats) -> _Floats:
        """Returns the answers of a candidate, given the baseline's and normal noise, ``(n,)``."""
        is_hit = noise < ndtri(_HIT)
        if not self.asked.positives:
            # What is added to one that is hit has an exponential distribution.
            rare = is_hit * -3 * np.log(ndtr(noise) / _HIT)
            return before + (0.2 * noise if self.damage == "everywhere" else rare)
        logits = np.log(before[..., 1] / before[..., 0])
        after = logits + 0.6 * noise if self.damage == "everywhere" else np.where(is_hit, -logits, logits)
        return _probabilities(after)

    def noise(
        self, examples: int, random: np.random.Generator, groups: NDArray[np.int64] | None = None
    ) -> _Floats:
        """Returns normal noise, ``(n,)``, which correlates within groups; without any, those of ``size``."""
        own = random.normal(size=examples)
        if self.size == 1:
            return own
        groups = np.arange(examples) // self.size if groups is None else groups
        shared = random.normal(size=int(groups.max()) + 1)[groups]
        return math.sqrt(self.correlation) * shared + math.sqrt(1 - self.correlation) * own


def _classes(
    examples: int, positives: float, random: np.random.Generator
) -> tuple[NDArray[np.int64], _Floats]:
    labels = (random.random(examples) < positives).astype(np.int64)
    evidence = random.normal(size=examples) + 2.4 * (labels - 0.5) + math.log(positives / (1 - positives))
    return labels, _probabilities(1.5 * (evidence + random.normal(0, 0.3, examples)))


def _numbers(examples: int, random: np.random.Generator) -> tuple[_Floats, _Floats]:
    labels = random.normal(0, 2, examples)
    return labels, labels + random.standard_t(3, examples) * 0.5


def _probabilities(logits: _Floats) -> _Floats:
    positive = expit(logits)
    return np.stack([1 - positive, positive], axis=-1)


def bound(
    measure: Measure,
    labels: NDArray[Any],
    before: _Floats,
    after: _Floats,
    groups: Any,
    confidence: float = CONFIDENCE,
) -> Bound:
    """Returns the bound that a metric names."""
    if measure.bound == "resampled":
        higher = measure.better == "higher"
        return resampled(
            measure.value,
            labels,
            before,
            after,
            confidence,
            groups,
            higher_is_better=higher,
            relative=measure.relative,
        )
    assert measure.scores is not None
    if measure.bound == "area":
        assert measure.positive is not None
        scores = measure.scores(labels, before), measure.scores(labels, after)
        return roc_auc(measure.positive(labels), *scores, confidence, groups)
    rows = np.ones(len(labels), bool) if measure.rows is None else measure.rows(labels)
    scores = measure.scores(labels[rows], before[rows]), measure.scores(labels[rows], after[rows])
    kept = None if groups is None else groups[rows]
    if measure.bound == "proportions":
        return proportions(*scores, confidence, kept)
    if measure.bound != "means":
        raise ValueError(f"{measure.name} is bounded by {measure.bound}, which is not simulated")
    if measure.better == "higher":  # what is missing is a loss
        scores = 1 - scores[0], 1 - scores[1]
    needs = needs_of(relative=measure.relative, root=measure.root)
    return means(*scores, confidence, kept, relative=measure.relative, needs=needs)


@cache
def true_loss(cell: Cell) -> float:
    """Returns the loss in a large population: for ``means``, in what is bounded, the mean of the scores."""
    measure = cell.asked.measure
    labels, before, after = cell.draw(_POPULATION, np.random.default_rng(1))
    if measure.root > 1:
        assert measure.scores is not None
        values = [float(measure.scores(labels, answers).mean()) for answers in (before, after)]
    else:
        values = [measure.value(labels, answers) for answers in (before, after)]
    worse = values[0] - values[1] if measure.better == "higher" else values[1] - values[0]
    return worse / values[0] if measure.relative else worse


def simulate(cell: Cell, runs: int, seed: int) -> dict[str, Any]:
    """Returns how often the limit of a cell is not below the truth, and what the bound says of itself."""
    truth, random, held, proven = true_loss(cell), np.random.default_rng(seed), 0, 0
    for _ in range(runs):
        groups = cell.groups(random)
        rows = cell.examples if groups is None else len(groups)
        limit = bound(cell.asked.measure, *cell.draw(rows, random, groups), groups)
        held += bool(limit.upper >= truth)
        proven += limit.proven
    level = held / runs
    error = math.sqrt(max(level * (1 - level), CONFIDENCE * (1 - CONFIDENCE)) / runs)
    return {
        "level": round(level, 4),
        "se": round(error, 4),
        "proven": proven > runs / 2,
        "true_loss": round(truth, 5),
        "bound": cell.asked.measure.bound,
    }


def cells(cases: Sequence[str], examples: Sequence[int], *, grouped: bool) -> Iterator[Cell]:
    """Yields every cell."""
    for case in cases:
        for damage in ("everywhere", "rare"):
            if not grouped:
                yield from (Cell(case, damage, n) for n in examples)
                continue
            for (groups, size), each, spread in itertools.product(GROUPS, CORRELATIONS, SPREADS):
                yield Cell(case, damage, groups * size, size, each, spread)


def complaint(figures: dict[str, Any]) -> bool:
    """Returns whether a bound calls proven what is not."""
    return bool(figures["proven"] and figures["level"] < CONFIDENCE - 2 * figures["se"])


def main() -> None:
    """Prints one line of JSON a cell, and what was the matter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--examples", type=int, nargs="+", default=EXAMPLES)
    parser.add_argument("--metrics", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--groups", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for cell in cells(arguments.metrics, arguments.examples, grouped=arguments.groups):
        start = time.perf_counter()
        figures = simulate(cell, arguments.runs, arguments.seed)
        asked = {name: value for name, value in vars(cell).items() if name != "asked"}
        line = {**asked, "runs": arguments.runs, **figures}
        print(json.dumps({**line, "seconds": round(time.perf_counter() - start, 1)}), flush=True)
        if complaint(figures):
            print(f"{asked}: called proven, and {figures['level']:.1%}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
