"""Whether the proof out of fold keeps its level: simulated tables, models that are really fitted, k folds.

    python benchmarks/folds.py [--runs 400] [--rows 100 351 1000] [--folds 5] [--group 1] [--seed 0]

Prints one line of JSON a cell: ``missed``, the share of runs whose upper limit is below the true loss: the
mean over the k models of what each one's candidate loses against its own baseline on 20,000 fresh rows; its
standard error ``se``; ``plain``, the same if all rows were independent of all models; ``split``, that of one
split of a fifth, for the loss of its one model; and ``width`` and ``split_width``, the mean distance of the
limits from the truth. Complains where ``missed`` is more than two standard errors above 5 %.

What folds could break: their training rows overlap, and the rows that one tests trained the others, so that
no row is independent of all models (Y. Bengio and Y. Grandvalet, "No unbiased estimator of the variance of
k-fold cross-validation", JMLR 5, 2004). So the models here are of the kinds that hang on their rows the most:
linear ones of nearly as many columns as a fold has rows to spare, and nearest neighbours, which learn rows by
heart. Candidates round the weights of the baseline, leave out those that are small, or forget half of the
rows that a neighbour could be. Labels are noisy: classes overlap, so that answers near the border change.
With ``--group``, rows come in groups of so many, each in one fold, whose inputs are moved together: by as
much as rows of a group differ.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from trimtab.evaluate.bounds.base import Bound
from trimtab.evaluate.bounds.means import means
from trimtab.evaluate.bounds.proportions import proportions
from trimtab.evaluate.out_of_fold import widened

CONFIDENCE = 0.95
ROWS, FOLDS, COLUMNS = (100, 351, 1_000), 5, 20
_FRESH = 20_000
_Floats = NDArray[np.float64]
_Groups = NDArray[np.integer] | None
_Scores = Callable[[_Floats, _Floats], _Floats]
"""The score of each example, given inputs ``(n, columns)`` and labels ``(n,)``."""


def main() -> int:
    """Runs the cells that the command line asks for."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--runs", type=int, default=400)
    arguments.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    arguments.add_argument("--folds", type=int, default=FOLDS)
    arguments.add_argument("--group", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=0)
    asked = arguments.parse_args()
    bad = 0
    for rows in asked.rows:
        for name in KINDS:
            cell = simulated(name, rows, asked.folds, asked.runs, asked.seed, asked.group)
            print(json.dumps(cell), flush=True)
            bad += cell["missed"] > 1 - CONFIDENCE + 2 * cell["se"]
    if bad:
        print(f"{bad} cells miss more often than {1 - CONFIDENCE:.0%}", file=sys.stderr)
    return 1 if bad else 0


def simulated(
    name: str, rows: int, folds: int, runs: int, seed: int, group: int = 1
) -> dict[str, float | str | int]:
    """Returns how often the limits of one kind of model miss the truth."""
    random = np.random.default_rng([seed, rows, folds, sorted(KINDS).index(name)])
    found = np.array([_one(name, rows, folds, random, group) for _ in range(runs)])
    pooled, plain, split, wide, split_wide = found.mean(axis=0)
    return {
        "kind": name,
        "rows": rows,
        "folds": folds,
        "group": group,
        "runs": runs,
        "missed": round(float(pooled), 4),
        "se": round(math.sqrt(max(pooled * (1 - pooled), 0.05 * 0.95) / runs), 4),
        "plain": round(float(plain), 4),
        "split": round(float(split), 4),
        "width": round(float(wide), 4),
        "split_width": round(float(split_wide), 4),
    }


def _one(name: str, rows: int, folds: int, random: np.random.Generator, group: int) -> tuple[float, ...]:
    draw, fit, bound = KINDS[name]
    x, y = _moved(*draw(rows, random), group, random)
    fresh, labels = _moved(*draw(_FRESH, random), group, random)
    of = np.arange(rows) // group
    fold, losses = (random.permutation(int(of[-1]) + 1) % folds)[of], []
    before, after = np.empty(rows), np.empty(rows)
    for each in range(folds):
        held = fold == each
        baseline, candidate = fit(x[~held], y[~held], random)
        before[held], after[held] = baseline(x[held], y[held]), candidate(x[held], y[held])
        losses.append((baseline(fresh, labels).mean(), candidate(fresh, labels).mean()))
    truth, first = _loss(name, np.array(losses)), _loss(name, np.array(losses[:1]))
    kind = "means" if bound is _errors else "proportions"
    groups, first_fold = None if group == 1 else of, fold == 0
    plain = bound(before, after, groups)
    alone = bound(before[first_fold], after[first_fold], None if groups is None else groups[first_fold])
    upper = widened(plain, kind, folds).upper
    missed = upper < truth, plain.upper < truth, alone.upper < first
    return *missed, upper - truth, alone.upper - first


def _loss(name: str, scores: _Floats) -> float:
    before, after = scores.mean(axis=0)
    return float(after - before if name.startswith("numbers") else before - after)


def _moved(x: _Floats, y: _Floats, group: int, random: np.random.Generator) -> tuple[_Floats, _Floats]:
    """Returns rows in groups, whose inputs are moved together; alone, they stay."""
    if group == 1:
        return x, y
    of = np.arange(len(x)) // group
    return x + random.normal(size=(int(of[-1]) + 1, x.shape[1]))[of], y


def _right(before: _Floats, after: _Floats, groups: _Groups = None) -> Bound:
    return proportions(before, after, CONFIDENCE, groups)


def _errors(before: _Floats, after: _Floats, groups: _Groups = None) -> Bound:
    return means(before, after, CONFIDENCE, groups)


def _classes(rows: int, random: np.random.Generator) -> tuple[_Floats, _Floats]:
    """Returns rows of two classes that overlap: a linear model is right on nine of ten."""
    y = random.integers(0, 2, rows).astype(np.float64)
    x = random.normal(size=(rows, COLUMNS))
    x[:, :5] += 0.6 * (2 * y - 1)[:, None]
    return x, y


def _numbers(rows: int, random: np.random.Generator) -> tuple[_Floats, _Floats]:
    x = random.normal(size=(rows, COLUMNS))
    return x, x[:, :5].sum(axis=1) + random.standard_t(5, rows)


def _linear(x: _Floats, y: _Floats) -> _Floats:
    design = np.column_stack([x, np.ones(len(x))])
    return np.linalg.solve(design.T @ design + 1e-3 * np.eye(design.shape[1]), design.T @ y)


def _told(weights: _Floats) -> _Scores:
    return lambda x, y: ((x @ weights[:-1] + weights[-1] > 0) == (y > 0.5)).astype(np.float64)


def _off(weights: _Floats) -> _Scores:
    return lambda x, y: np.abs(x @ weights[:-1] + weights[-1] - y)


def _rounded(weights: _Floats, bits: int) -> _Floats:
    step = np.abs(weights).max() / (2 ** (bits - 1) - 1)
    return np.round(weights / step) * step


def _sparse(weights: _Floats, share: float = 0.5) -> _Floats:
    return np.where(np.abs(weights) < np.quantile(np.abs(weights), share), 0, weights)


def _neighbour(x: _Floats, y: _Floats) -> _Scores:
    lengths = (x**2).sum(axis=1)

    def scores(asked: _Floats, labels: _Floats) -> _Floats:
        nearest = (lengths[None] - 2 * asked @ x.T).argmin(axis=1)
        return (y[nearest] == labels).astype(np.float64)

    return scores


def _of_classes(x: _Floats, y: _Floats, changed: Callable[[_Floats], _Floats]) -> Iterator[_Scores]:
    weights = _linear(x, 2 * y - 1)
    yield _told(weights)
    yield _told(changed(weights))


def _of_numbers(x: _Floats, y: _Floats, changed: Callable[[_Floats], _Floats]) -> Iterator[_Scores]:
    weights = _linear(x, y)
    yield _off(weights)
    yield _off(changed(weights))


def _of_neighbours(x: _Floats, y: _Floats, random: np.random.Generator) -> Iterator[_Scores]:
    yield _neighbour(x, y)
    kept = random.permutation(len(x))[: len(x) // 2]
    yield _neighbour(x[kept], y[kept])


KINDS = {
    "linear, 2 bits": (_classes, lambda x, y, _: _of_classes(x, y, lambda w: _rounded(w, 2)), _right),
    "linear, 3 bits": (_classes, lambda x, y, _: _of_classes(x, y, lambda w: _rounded(w, 3)), _right),
    "linear, sparse": (_classes, lambda x, y, _: _of_classes(x, y, _sparse), _right),
    "neighbours, half": (_classes, _of_neighbours, _right),
    "numbers, 3 bits": (_numbers, lambda x, y, _: _of_numbers(x, y, lambda w: _rounded(w, 3)), _errors),
    "numbers, sparse": (_numbers, lambda x, y, _: _of_numbers(x, y, lambda w: _sparse(w, 0.8)), _errors),
}


if __name__ == "__main__":
    sys.exit(main())
