"""In which order candidates are tested: what the forecast expects to end with the lowest cost.

One or a few candidates begin with equal shares of the level. A candidate that passes hands its share on to
its successor, which costs less; one that fails ends its chain. Chains may join, and shares then add up. That
is the graphical procedure of F. Bretz, W. Maurer, W. Brannath and M. Posch ("A graphical approach to
sequentially rejective multiple test procedures", Statistics in Medicine 28, 2009), of which a fixed sequence
(one beginning, P. H. Westfall and A. Krishen, "Optimally weighted, fixed sequence and gatekeeper multiple
testing procedures", Journal of Statistical Planning and Inference 99, 2001) is the simplest. It bounds the
probability that *any* candidate passes that is past the budget, whatever the order and the dependence of the
candidates, as long as the order is made without test labels.

Successors are the best path through the candidates if passing depends on the one before only; the beginnings
are chosen one by one, each for the draws where those before end badly. Then those that were passed over are
put in between, where all draws together say that it pays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

_BEGINNINGS = (1, 2, 4, 8)
_LEAST_GAIN = 0.1
_NOTHING_SHIPS = 8.0
"""What it costs to ship the baseline, which costs 1: to save anything counts for more than to save all."""


@dataclass(frozen=True)
class Order:
    """An order of tests.

    Attributes:
        shares: The share of the level that each candidate begins with, ``(candidates,)``; they sum to 1.
        successor: The candidate that is tested after each, ``(candidates,)``; -1 for none.
        sequence: All candidates that may be tested, from the highest cost to the lowest.
    """

    shares: _Floats
    successor: NDArray[np.int64]
    sequence: tuple[int, ...]


def plan(p_values: _Floats, costs: _Floats, level: float) -> Order:
    """Returns the order of tests that costs least in the forecast.

    Args:
        p_values: Draws of the candidates' p-values, ``(draws, candidates)``.
        costs: Cost of each candidate over the baseline's, ``(candidates,)``; below 1.
        level: 1 - confidence.
    """
    descending = np.argsort(-costs, kind="stable")
    sorted_values, sorted_costs = p_values[:, descending].T, costs[descending]
    best, lowest = None, np.inf
    for beginnings in _BEGINNINGS[: np.searchsorted(_BEGINNINGS, len(costs), side="right")]:
        shares, successor = _graph(sorted_values, sorted_costs, level, beginnings)
        expected = _expected_cost(sorted_values, sorted_costs, level, shares, successor)
        if expected < lowest - _LEAST_GAIN:
            best, lowest = (shares, successor), expected
    if best is None:
        raise ValueError("there is no candidate to put in order")
    shares, successor = best
    return _in_place(shares, _filled(sorted_values, sorted_costs, level, shares, successor), descending)


def _graph(
    p_values: _Floats, costs: _Floats, level: float, beginnings: int
) -> tuple[_Floats, NDArray[np.int64]]:
    """Returns the shares and the successors; candidates are sorted by descending cost."""
    passes = p_values <= level / beginnings
    successor = _successors(passes, costs)
    ends = _costs_at_the_end(passes, costs, successor)
    chosen: list[int] = []
    lowest = np.full(passes.shape[1], _NOTHING_SHIPS)
    for _ in range(beginnings):
        expected = np.minimum(ends, lowest).mean(axis=1)
        candidate = int(expected.argmin())
        if chosen and expected[candidate] >= lowest.mean():
            break
        chosen.append(candidate)
        lowest = np.minimum(lowest, ends[candidate])
    shares = np.zeros(len(costs))
    shares[chosen] = 1 / len(chosen)
    return shares, successor


def _successors(passes: NDArray[np.bool_], costs: _Floats) -> NDArray[np.int64]:
    """Returns what to test after each candidate, by the savings that may be expected from there on."""
    hits = passes.astype(np.float64)
    together = hits @ hits.T / hits.shape[1]
    given = together / np.maximum(np.diag(together), 1e-9)[:, None]
    successor, savings = np.full(len(costs), -1), np.zeros(len(costs))
    for place in range(len(costs) - 2, -1, -1):
        later = slice(place + 1, None)
        expected = given[place, later] * (costs[place] - costs[later] + savings[later])
        best = int(expected.argmax())
        if expected[best] > 0:
            successor[place], savings[place] = place + 1 + best, expected[best]
    return successor


def _filled(
    p_values: _Floats, costs: _Floats, level: float, shares: _Floats, successor: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Returns the successors with those put in between that lower the expected cost, one after the other."""
    lowest = _expected_cost(p_values, costs, level, shares, successor)
    reached = _reached(shares, successor)
    for place in np.flatnonzero(~reached):
        before = np.flatnonzero(reached[:place] & ((successor[:place] > place) | (successor[:place] < 0)))
        if not len(before):
            continue
        filled = successor.copy()
        filled[place], filled[before[-1]] = successor[before[-1]], place
        expected = _expected_cost(p_values, costs, level, shares, filled)
        if expected < lowest:
            successor, lowest, reached[place] = filled, expected, True
    return successor


def _reached(shares: _Floats, successor: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns which candidates may come to be tested, ``(candidates,)``, sorted by descending cost."""
    reached = shares > 0
    for place in np.flatnonzero(successor >= 0):
        reached[successor[place]] |= reached[place]
    return np.asarray(reached)


def _costs_at_the_end(passes: NDArray[np.bool_], costs: _Floats, successor: NDArray[np.int64]) -> _Floats:
    """Returns the cost of what ships if a chain begins with each candidate, ``(candidates, draws)``."""
    ends = np.full(passes.shape, _NOTHING_SHIPS)
    for place in range(len(costs) - 1, -1, -1):
        after = ends[successor[place]] if successor[place] >= 0 else _NOTHING_SHIPS
        ends[place] = np.where(passes[place], np.minimum(costs[place], after), _NOTHING_SHIPS)
    return ends


def _expected_cost(
    p_values: _Floats, costs: _Floats, level: float, shares: _Floats, successor: NDArray[np.int64]
) -> float:
    at_hand = np.repeat(shares[:, None], p_values.shape[1], axis=1)
    shipped = np.full(p_values.shape[1], _NOTHING_SHIPS)
    for place in range(len(costs)):
        passes = (at_hand[place] > 0) & (p_values[place] <= level * at_hand[place])
        shipped = np.where(passes, costs[place], shipped)
        if successor[place] >= 0:
            at_hand[successor[place]] += at_hand[place] * passes
    return float(shipped.mean())


def _in_place(shares: _Floats, successor: NDArray[np.int64], descending: NDArray[np.int64]) -> Order:
    """Returns the order of candidates as they were numbered before they were sorted."""
    reached = _reached(shares, successor)
    numbered = np.full(len(shares), -1)
    numbered[descending] = np.where(successor >= 0, descending[successor], -1)
    unsorted = np.zeros(len(shares))
    unsorted[descending] = shares
    return Order(unsorted, numbered, tuple(int(descending[place]) for place in np.flatnonzero(reached)))
