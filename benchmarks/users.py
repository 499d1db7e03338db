"""How often the limit of a metric of users misses the truth, by how many users there are.

    python benchmarks/users.py [--users 20 50 100 150 200 400 1000] [--runs 600] [--seed 0]

Prints one line of JSON a metric and a damage: of how many tests at 95 % the upper limit of the loss is below
the true loss, in per cent, by the number of users. A user has 20 items in the median, whose stars a baseline
puts in order with some noise. A candidate adds noise to every answer (``everywhere``), has other answers for
2 % of the items (``items``), or turns the order of 2 % of the users around (``users``); ``users_mended`` does
that, and is a little better for all others.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.evaluate.bounds.means import NEEDS_OF_GROUP_SCORES, means
from trimtab.tasks.metrics.recommending import ndcg, recall

CONFIDENCE, HIT = 0.95, 0.02
USERS = (20, 50, 100, 150, 200, 400, 1_000)
_POPULATION = 20_000
_Floats = NDArray[np.float64]


def candidates(taste: _Floats, before: _Floats, user: NDArray[np.intp]) -> dict[str, _Floats]:
    """Returns what candidates answer by their damage, ``(items,)`` each."""
    random = np.random.default_rng(1)
    is_item = random.random(len(user)) < HIT
    is_user = (random.random(_POPULATION) < HIT)[user]
    return {
        "everywhere": before + random.normal(0, 0.3, len(user)),
        "items": np.where(is_item, random.normal(0, 3, len(user)), before),
        "users": np.where(is_user, -before, before),
        "users_mended": np.where(is_user, -before, before + 0.15 * taste),
    }


def misses(before: _Floats, after: _Floats, users: int, runs: int, random: np.random.Generator) -> float:
    """Returns how many limits of so many users are below the truth, in per cent."""
    truth, missed = float((before - after).mean()), 0
    for _ in range(runs):
        drawn = random.integers(0, len(before), users)
        scores = 1 - before[drawn], 1 - after[drawn]
        missed += means(*scores, CONFIDENCE, np.arange(users), needs=NEEDS_OF_GROUP_SCORES).upper < truth
    return round(100 * missed / runs, 1)


def main() -> None:
    """Simulates all, and prints it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, nargs="+", default=USERS)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    items = np.maximum(random.lognormal(np.log(20), 0.8, _POPULATION).astype(int), 2)
    user = np.repeat(np.arange(_POPULATION), items)
    taste = random.normal(size=len(user))
    stars = np.clip(np.round(3.5 + taste), 1, 5)
    before = taste + random.normal(0, 0.8, len(user))
    liked = (stars >= 4).astype(np.float64)
    metrics: dict[str, Any] = {"ndcg_at_k": (ndcg, stars), "recall_at_k": (recall, liked)}
    for metric, (formula, gains) in metrics.items():
        was = formula(gains, before, user, 10)
        for damage, after in candidates(taste, before, user).items():
            now = formula(gains, after, user, 10)
            pair = was[np.isfinite(was)], now[np.isfinite(was)]
            found = {users: misses(*pair, users, asked.runs, random) for users in asked.users}
            print(json.dumps({"metric": metric, "damage": damage, "missed_percent": found}), flush=True)


if __name__ == "__main__":
    main()
