"""Whether what ships is proven after the choice: the shipped decision on simulated candidates.

    python benchmarks/choice.py [--runs 1000] [--candidates 1 10 60] [--examples 351 2000 10000] [--seed 0]

Prints one line of JSON a cell. Every run of a cell draws the answers of all candidates on the validation and
the test examples, orders them by ``evaluate.forecast`` and ``evaluate.order`` and tests them by
``evaluate.sequence``, as ``select`` does. Beside it stand the standard procedures, on the same draws. Of
each: ``p_bad_ships``, how often what ships is past the budget (``se``: its standard error), ``p_ships``, how
often something other than the baseline ships, and ``mean_cost`` of what ships (the baseline costs 1, the
cheapest candidate 0.2).

The baseline alone is right on 1 % of the examples and the drop, the candidate alone on 1 %. Truths: all at
the margin, all 10 % past it, a ladder of drops from 0 to twice the budget. Answers that differ from the
baseline's are independent, correlated (0.95 within a family of four, 0.3 between families), or the same
wherever they can be. Costs fall with the drop, or within families only (``families``: which family is cheap
has then nothing to do with which is good). Other metrics, groups and copies: ``choice_limits.py``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from trimtab.evaluate import forecast, order, sequence
from trimtab.evaluate.bounds import paired_proportions

LEVEL = 0.05
BUDGETS = {351: 0.03, 2_000: 0.01, 10_000: 0.01}
DEPENDENCES = ("independent", "correlated", "identical")
TRUTHS = ("margin", "past", "ladder")
COSTS = ("falling", "families")
_FAMILY, _WITHIN, _BETWEEN = 4, 0.95, 0.3
_GAIN = 0.01
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """What is simulated."""

    candidates: int
    examples: int
    dependence: str
    truth: str
    costs: str

    @property
    def budget(self) -> float:
        """Returns the largest drop that is allowed."""
        return BUDGETS[self.examples]

    @property
    def families(self) -> NDArray[np.int64]:
        """Returns the family of each candidate."""
        return np.arange(self.candidates) // _FAMILY

    @property
    def drops(self) -> _Floats:
        """Returns the true drops."""
        if self.truth == "ladder":
            return np.linspace(0, 2 * self.budget, self.candidates)
        return np.full(self.candidates, self.budget * (1.1 if self.truth == "past" else 1))


@dataclass(frozen=True)
class Draw:
    """One run: what is known of the candidates, and their answers on the test examples.

    Attributes:
        losses: Test examples that only the baseline gets right, ``(candidates,)``.
        gains: Test examples that only the candidate gets right, ``(candidates,)``.
    """

    cell: Cell
    validation: forecast.Validation
    losses: NDArray[np.int64]
    gains: NDArray[np.int64]

    @property
    def by_cost(self) -> NDArray[np.int64]:
        return np.argsort(-self.validation.costs, kind="stable")

    @property
    def by_validation(self) -> NDArray[np.int64]:
        return np.lexsort((-self.validation.costs, self.validation.losses.mean(axis=0)))

    def passes(self, candidate: int, level: float) -> bool:
        """Returns what ``significance.drop`` decides: whether the upper limit is within the budget."""
        cell, gains = self.cell, int(self.gains[candidate])
        return bool(self.losses[candidate] <= _most_losses(gains, cell.examples, cell.budget, level))

    def p_value(self, candidate: int) -> float:
        """Returns the exact p-value, for the standard procedures; far from every level the score test's."""
        losses, gains, cell = int(self.losses[candidate]), int(self.gains[candidate]), self.cell
        score = paired_proportions.score(np.float64(losses), np.float64(gains), cell.examples, cell.budget)
        if cell.examples > 5_000 or score > -1.2:
            return float(ndtr(score))
        return _p_value(losses, gains, cell.examples, cell.budget, 1 - LEVEL / cell.candidates)


def draws(cell: Cell, runs: int, seed: int) -> Iterator[Draw]:
    """Yields the runs of a cell."""
    random = np.random.default_rng(seed)
    for _ in range(runs):
        test = _answers(cell, cell.examples, random)
        validation = _answers(cell, cell.examples // 2, random)
        known = forecast.Validation(validation, _costs(cell, random), [str(f) for f in cell.families])
        yield Draw(cell, known, (test > 0).sum(axis=0), (test < 0).sum(axis=0))


def shipped(draw: Draw) -> list[int]:
    """Returns the candidates that trimtab proves."""
    cell = draw.cell
    p_values = forecast.p_values(draw.validation, cell.budget, cell.examples, paired=True)
    planned = order.plan(p_values, draw.validation.costs, LEVEL)
    return [test.candidate for test in sequence.run(planned, draw.passes, LEVEL) if test.passed]


def _uncorrected(draw: Draw) -> list[int]:
    return [candidate for candidate in range(draw.cell.candidates) if draw.passes(candidate, LEVEL)]


def _fixed(draw: Draw, candidates: Sequence[int]) -> list[int]:
    return list(itertools.takewhile(lambda candidate: draw.passes(candidate, LEVEL), candidates))


def _bonferroni(draw: Draw) -> list[int]:
    count = draw.cell.candidates
    return [candidate for candidate in range(count) if draw.p_value(candidate) <= LEVEL / count]


def _holm(draw: Draw) -> list[int]:
    p_values = np.array([draw.p_value(candidate) for candidate in range(draw.cell.candidates)])
    ranked = np.argsort(p_values)
    holds = p_values[ranked] <= LEVEL / np.arange(len(ranked), 0, -1)
    return [int(candidate) for candidate in ranked[: int(np.argmin([*holds, False]))]]


def _fallback(draw: Draw, candidates: Sequence[int]) -> list[int]:
    """Returns what the fallback procedure passes (B. L. Wiens, Pharmaceutical Statistics 2, 2003)."""
    level, passed = 0.0, []
    for candidate in candidates:
        level += LEVEL / len(candidates)
        if draw.p_value(candidate) <= level:
            passed.append(candidate)
        else:
            level = 0.0
    return passed


def _by_families(draw: Draw) -> list[int]:
    """Returns what passes if each family is a chain by cost, with an equal share that goes on at its end."""
    chains = [
        [c for c in draw.by_cost if draw.cell.families[c] == family] for family in set(draw.cell.families)
    ]
    shares, passed, ended = [LEVEL / len(chains)] * len(chains), [], True
    while ended:
        ended = False
        for chain, share in zip(chains, shares, strict=True):
            while chain and draw.p_value(chain[0]) <= share:
                passed.append(chain.pop(0))
        for place, chain in enumerate(chains):
            heirs = [other for other, rest in enumerate(chains) if rest]
            if not chain and shares[place] and heirs:
                shares = [s + shares[place] / len(heirs) if o in heirs else s for o, s in enumerate(shares)]
                shares[place], ended = 0.0, True
    return passed


PROCEDURES: dict[str, Callable[[Draw], list[int]]] = {
    "trimtab": shipped,
    "uncorrected": _uncorrected,
    "fixed_by_cost": lambda draw: _fixed(draw, draw.by_cost.tolist()),
    "fixed_by_validation": lambda draw: _fixed(draw, draw.by_validation.tolist()),
    "bonferroni": _bonferroni,
    "holm": _holm,
    "fallback_by_cost": lambda draw: _fallback(draw, draw.by_cost.tolist()),
    "fallback_by_validation": lambda draw: _fallback(draw, draw.by_validation.tolist()),
    "graph_of_families": _by_families,
}
KEEP_THE_LEVEL = [name for name in PROCEDURES if name not in ("trimtab", "uncorrected")]


def simulate(
    cell: Cell, runs: int, seed: int, procedures: Sequence[str] = tuple(PROCEDURES)
) -> dict[str, dict[str, float]]:
    """Returns the figures of each procedure in a cell."""
    outcomes: dict[str, list[tuple[bool, bool, float]]] = {name: [] for name in procedures}
    for draw in draws(cell, runs, seed):
        for name in procedures:
            outcomes[name].append(_outcome(draw, PROCEDURES[name](draw)))
    return {name: _figures(np.array(rows, np.float64)) for name, rows in outcomes.items()}


def cells(candidates: Sequence[int], examples: Sequence[int]) -> Iterator[Cell]:
    """Yields every cell; costs matter to a ladder of several families only."""
    for values in itertools.product(candidates, examples, DEPENDENCES, TRUTHS, COSTS):
        cell = Cell(*values)
        if cell.costs == "falling" or (cell.truth == "ladder" and cell.candidates > _FAMILY):
            yield cell


def _outcome(draw: Draw, passed: list[int]) -> tuple[bool, bool, float]:
    if not passed:
        return False, False, 1.0
    chosen = min(passed, key=lambda candidate: draw.validation.costs[candidate])
    is_bad = draw.cell.drops[chosen] >= draw.cell.budget - 1e-12
    return bool(is_bad), True, float(draw.validation.costs[chosen])


def _figures(outcomes: _Floats) -> dict[str, float]:
    bad, ships, cost = outcomes.mean(axis=0)
    error = np.sqrt(bad * (1 - bad) / len(outcomes))
    figures = {"p_bad_ships": bad, "se": error, "p_ships": ships, "mean_cost": cost}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _costs(cell: Cell, random: np.random.Generator) -> _Floats:
    falling = np.linspace(1, 0.2, cell.candidates + 1)[1:]
    if cell.costs == "falling":
        return falling
    families = random.permutation(cell.families.max() + 1)
    costs = np.empty(cell.candidates)
    costs[np.concatenate([np.flatnonzero(cell.families == family) for family in families])] = falling
    return costs


def _answers(cell: Cell, examples: int, random: np.random.Generator) -> NDArray[np.int8]:
    """Returns 1 where the baseline alone is right, -1 where the candidate is, ``(examples, candidates)``."""
    positions = _positions(cell, examples, random)
    losses = positions < (_GAIN + cell.drops).astype(np.float32)
    return losses.astype(np.int8) - (positions > np.float32(1 - _GAIN)).astype(np.int8)


def _positions(cell: Cell, examples: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Returns uniform numbers, which candidates share as often as they are correlated."""
    if cell.dependence == "identical":
        same = random.random((examples, 1), np.float32)
        return np.broadcast_to(same, (examples, cell.candidates))
    alone = random.random((examples, cell.candidates), np.float32)
    if cell.dependence == "independent":
        return alone
    shape = (examples, int(cell.families.max()) + 1)
    family, everyone = random.random(shape, np.float32), random.random((examples, 1), np.float32)
    family = np.where(random.random(shape, np.float32) < np.sqrt(_BETWEEN / _WITHIN), everyone, family)
    follows = random.random(alone.shape, np.float32) < np.sqrt(_WITHIN)
    return np.where(follows, family[:, cell.families], alone)


@cache
def _most_losses(gains: int, examples: int, budget: float, level: float) -> int:
    """Returns the most losses with which a candidate passes at a level; -1 for none."""
    passing, failing = -1, int(2 * budget * examples) + gains + 10
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if paired_proportions.upper_limit(middle, gains, examples, 1 - level) <= budget:
            passing = middle
        else:
            failing = middle
    return passing


@cache
def _p_value(losses: int, gains: int, examples: int, budget: float, confidence: float) -> float:
    return paired_proportions.p_value(losses, gains, examples, budget, confidence)


def main() -> None:
    """Prints one line of JSON a cell, and what was the matter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--candidates", type=int, nargs="+", default=[1, 10, 60])
    parser.add_argument("--examples", type=int, nargs="+", default=sorted(BUDGETS), choices=sorted(BUDGETS))
    parser.add_argument("--truths", nargs="+", default=TRUTHS, choices=TRUTHS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for cell in cells(arguments.candidates, arguments.examples):
        if cell.truth not in arguments.truths:
            continue
        start = time.perf_counter()
        figures = simulate(cell, arguments.runs, arguments.seed)
        line = {**vars(cell), "budget": cell.budget, "runs": arguments.runs, **figures.pop("trimtab")}
        seconds = round(time.perf_counter() - start, 1)
        print(json.dumps({**line, "standard": figures, "seconds": seconds}), flush=True)
        complaints = complaints_of(cell, line, figures)
        if complaints:
            print(f"{vars(cell)}: {'; '.join(complaints)}", file=sys.stderr, flush=True)


def complaints_of(cell: Cell, line: dict[str, float], standard: dict[str, dict[str, float]]) -> list[str]:
    """Returns in what trimtab is not as it should be."""
    complaints = []
    if line["p_bad_ships"] > LEVEL + 2 * line["se"]:
        complaints.append(f"what ships is bad {line['p_bad_ships']:.1%} of the time")
    for name in KEEP_THE_LEVEL if cell.truth == "ladder" else []:
        if standard[name]["p_ships"] > line["p_ships"] + 0.02:
            complaints.append(f"{name} ships {standard[name]['p_ships']:.1%}, not {line['p_ships']:.1%}")
        if line["mean_cost"] > 1.03 * standard[name]["mean_cost"]:
            complaints.append(f"{name} costs {standard[name]['mean_cost']}, not {line['mean_cost']}")
    return complaints


if __name__ == "__main__":
    main()
