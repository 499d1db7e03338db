"""Whether what ships is proven after the choice under limits of other metrics, in groups, and with copies.

    python benchmarks/choice_limits.py [--runs 200] [--examples 2500] [--metrics ...] [--rows ...] [--seed 0]

As ``choice.py``, which is about accuracy on rows that are drawn by themselves: ten candidates, all at the
limit (it is set to their true loss), correlated by 0.95 within a family of four and 0.3 between. Answers are
those of ``coverage.py``. Rows are ``alone``; in groups of 20 or 50, within which damage correlates by 0.05 to
0.5; or with ``copies``: 19 % are exact copies of others. Prints one line of JSON a cell: ``p_bad_ships``, how
often what ships is past the limit, with its standard error ``se``, and ``uncorrected``, the same where each
candidate is tested as if it were alone and every row stood by itself. Complains where what ships is bad more
often than 5 % and two standard errors.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import coverage
import numpy as np
from numpy.typing import NDArray

from trimtab.evaluate import forecast, order, sequence
from trimtab.tasks.metrics.base import Measure

LEVEL = 0.05
METRICS = ("accuracy", "recall", "roc_auc", "mae")
ROWS = ("alone", "copies", *(f"{size} x {each}" for size in (20, 50) for each in (0.05, 0.2, 0.5)))
_CANDIDATES, _FAMILY, _WITHIN, _BETWEEN = 10, 4, 0.95, 0.3
_COPIES = 0.19
_Floats = NDArray[np.float64]
_Losses = Callable[[NDArray[np.intp] | slice], _Floats]


@dataclass(frozen=True)
class Cell:
    """What is simulated: a metric, and which rows belong together, an entry of ``ROWS``."""

    metric: str
    rows: str
    examples: int

    @property
    def size(self) -> int:
        """Returns how many rows a group has."""
        return int(self.rows.split(" x ")[0]) if " x " in self.rows else 1

    @property
    def correlation(self) -> float:
        """Returns that of the damage within a group."""
        return float(self.rows.split(" x ")[1]) if " x " in self.rows else 0.0


@dataclass(frozen=True)
class Answers:
    """What baseline and candidates answer on the rows of a split.

    Attributes:
        after: Of each candidate.
        groups: The group of each row, ``(n,)``; None: each is its own.
    """

    labels: NDArray[Any]
    before: _Floats
    after: list[_Floats]
    groups: NDArray[np.int64] | None


def draw(cell: Cell, examples: int, random: np.random.Generator) -> Answers:
    """Returns the rows of a split."""
    unique = examples - round(_COPIES * examples) if cell.rows == "copies" else examples
    base = coverage.Cell(cell.metric, "everywhere", unique, cell.size, cell.correlation)
    labels, before, _ = base.draw(unique, random)
    everyone, family = base.noise(unique, random), np.empty(0)
    after = []
    for candidate in range(_CANDIDATES):
        if candidate % _FAMILY == 0:
            family = base.noise(unique, random)
        shared = math.sqrt(_BETWEEN) * everyone + math.sqrt(_WITHIN - _BETWEEN) * family
        noise = shared + math.sqrt(1 - _WITHIN) * base.noise(unique, random)
        after.append(base.damaged(before, noise))
    groups = np.arange(unique) // cell.size if cell.size > 1 else None
    if cell.rows == "copies":
        groups = np.concatenate([np.arange(unique), random.integers(unique, size=examples - unique)])
        labels, before, after = labels[groups], before[groups], [each[groups] for each in after]
    return Answers(labels, before, after, groups)


def shipped(cell: Cell, validation: Answers, test: Answers, limit: float) -> bool:
    """Returns whether the shipped decision lets a candidate pass: all are past the limit."""
    measure, costs = coverage.CASES[cell.metric].measure, np.linspace(1, 0.2, _CANDIDATES + 1)[1:]
    losses = np.stack([_losses(measure, validation, each, limit) for each in validation.after], axis=1)
    families = [str(place // _FAMILY) for place in range(_CANDIDATES)]
    known = forecast.Validation(losses, costs, families)
    rows = len(test.labels) * len(losses) // len(validation.labels)
    paired = measure.bound == "proportions"
    planned = order.plan(forecast.p_values(known, limit, rows, paired=paired), costs, LEVEL)
    passes = _passes(measure, test, limit, test.groups)
    return any(one.passed for one in sequence.run(planned, passes, LEVEL))


def simulate(cell: Cell, runs: int, seed: int) -> dict[str, float]:
    """Returns the figures of a cell."""
    limit = coverage.true_loss(coverage.Cell(cell.metric, "everywhere", cell.examples))
    random, bad, uncorrected = np.random.default_rng(seed), 0, 0
    for _ in range(runs):
        validation, test = draw(cell, cell.examples // 2, random), draw(cell, cell.examples, random)
        bad += shipped(cell, validation, test, limit)
        alone = _passes(coverage.CASES[cell.metric].measure, test, limit, None)
        uncorrected += any(alone(candidate, LEVEL) for candidate in range(_CANDIDATES))
    share = bad / runs
    error = math.sqrt(max(share * (1 - share), LEVEL * (1 - LEVEL)) / runs)
    return {
        "p_bad_ships": round(share, 4),
        "se": round(error, 4),
        "uncorrected": round(uncorrected / runs, 4),
        "limit": round(limit, 5),
    }


def _passes(
    measure: Measure, test: Answers, limit: float, groups: NDArray[np.int64] | None
) -> Callable[[int, float], bool]:
    def passes(candidate: int, level: float) -> bool:
        after = test.after[candidate]
        return coverage.bound(measure, test.labels, test.before, after, groups, 1 - level).upper <= limit

    return passes


def _losses(measure: Measure, split: Answers, after: _Floats, limit: float) -> _Floats:
    """Returns the loss on each validation row that the metric is about: of an area, by the rows' scores."""
    assert measure.scores is not None
    rows = np.ones(len(split.labels), bool) if measure.rows is None else measure.rows(split.labels)
    labels = split.labels[rows]
    before, now = measure.scores(labels, split.before[rows]), measure.scores(labels, after[rows])
    if measure.bound == "area":
        return np.asarray((before - now) * (2 * (labels == 1) - 1))
    if measure.bound == "proportions":
        return before - now
    return np.asarray(limit + (now - (1 + limit) * before) / before.mean())


def cells(metrics: Sequence[str], rows: Sequence[str], examples: int) -> Iterator[Cell]:
    """Yields every cell."""
    yield from (Cell(metric, each, examples) for metric in metrics for each in rows)


def main() -> None:
    """Prints one line of JSON a cell, and what was the matter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--examples", type=int, default=2_500)
    parser.add_argument("--metrics", nargs="+", default=METRICS, choices=METRICS)
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for cell in cells(arguments.metrics, arguments.rows, arguments.examples):
        start = time.perf_counter()
        figures = simulate(cell, arguments.runs, arguments.seed)
        line = {**vars(cell), "runs": arguments.runs, **figures}
        print(json.dumps({**line, "seconds": round(time.perf_counter() - start, 1)}), flush=True)
        if figures["p_bad_ships"] > LEVEL + 2 * figures["se"]:
            print(f"{vars(cell)}: bad {figures['p_bad_ships']:.1%} of the time", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
