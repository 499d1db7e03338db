"""Champion against challenger: the rule by which a new model replaces the one in service.

Both answer the same fresh test examples, and the challenger is held to every limit of the budget with the
champion in the baseline's place, by the one-sided, paired tests of ``limits``. It is promoted if it is

- *better*: every limit holds, and the upper limit of its loss in the task's own metric is below zero, or
- *not worse and cheaper*: every limit holds, and its file is smaller or its latency lower by a stated share,
  while the other one has not grown by as much; the one that is the budget's objective decides alone where it
  is lower. Of its latency, that too is an upper limit at the same confidence.

Every limit must hold either way: a challenger whose true loss is at or past one of them is promoted with a
probability of at most 1 - confidence. (Non-inferiority with a fixed margin; testing superiority after it
needs no correction: European Medicines Agency, "Points to consider on switching between superiority and
non-inferiority", 2000.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.comparison import Finding
from trimtab.artifacts.evaluation import Drop
from trimtab.artifacts.proof import LimitTest
from trimtab.config.budget import DEFAULTS, Budget, Objective
from trimtab.config.retrain import Retrain


def limits_of(retrain: Retrain, budget: Budget) -> Budget:
    """Returns the budget by which a challenger is held against the champion: its own short forms go first."""
    stated = {name: getattr(retrain, name) for name in DEFAULTS if getattr(retrain, name) is not None}
    outputs = {name: each.model_copy(update=stated) for name, each in budget.outputs.items()}
    return budget.model_copy(update={**stated, "outputs": outputs})


def judge(loss: Drop, gain: Drop, tests: Sequence[LimitTest], *, is_cheaper: bool) -> Finding:
    """Returns what is proven of a challenger.

    Args:
        loss: What the challenger loses against the champion in the task's own metric, with its proven limit.
        gain: What the champion loses against the challenger: below zero, the challenger is proven worse.
        tests: How the challenger stands to each limit, with the champion in the baseline's place.
        is_cheaper: Whether it is cheaper; see ``cheaper``.

    Returns:
        ``better`` and ``cheaper`` (and not worse) replace the champion. ``no_gain``: not worse, and neither
        better nor cheaper. ``unproven``: "not worse" is not shown, nor is "worse".
    """
    if all(test.holds for test in tests):
        if loss.upper_bound < 0:
            return "better"
        return "cheaper" if is_cheaper else "no_gain"
    return "worse" if gain.upper_bound < 0 else "unproven"


def latency_limit(
    champion: NDArray[np.integer[Any]], challenger: NDArray[np.integer[Any]], confidence: float
) -> float:
    """Returns the upper limit of the challenger's latency over the champion's, such as 0.97.

    The limit is one of the median of the rounds' ratios: the order statistic that the sign test gives,
    whatever their distribution (W. J. Conover, "Practical Nonparametric Statistics", 3rd ed. 1999, section
    3.2).

    Args:
        champion: Nanoseconds of its runs, ``(rounds,)``.
        challenger: Those of the challenger in the same rounds, ``(rounds,)``.
        confidence: One-sided, such as 0.95.
    """
    from scipy import stats  # costs half a second that no run without a champion should pay

    ratios = np.sort(challenger / champion)
    rank = int(stats.binom.ppf(confidence, len(ratios), 0.5))
    return float(ratios[min(rank, len(ratios) - 1)])


def cheaper(size: float, latency: float, share: float, objective: Objective) -> bool:
    """Returns whether one of size and latency is lower by a share, and the other not higher by it.

    Args:
        size: The challenger's over the champion's.
        latency: The upper limit of the same; see ``latency_limit``.
        share: Such as 0.05; see ``retrain.cheaper_by``.
        objective: Of the budget: what is lower in this is cheaper, whatever the other is within the budget.
    """
    ratios = {"size": size, "latency": latency}
    wanted = ratios.get(objective, max(ratios.values()))
    return wanted <= 1 - share or (min(ratios.values()) <= 1 - share and max(ratios.values()) < 1 + share)
