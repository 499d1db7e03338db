"""Champion against challenger: the rule by which a new model replaces the one in service.

Both answer the same fresh test examples, and the loss of the challenger against the champion is limited by
the one-sided, paired tests of ``significance``. The challenger is promoted if it is

- *better*: the upper limit of its loss is below zero, or
- *not worse and cheaper*: the upper limit is within what is tolerated, and its file is smaller or its median
  latency lower by a stated share, while the other one has not grown by as much.

A limit below zero is also within what is tolerated, so that both ways rest on one limit: a challenger whose
true loss is at or past the tolerated one is promoted with a probability of at most 1 - confidence, whichever
way it takes. (Non-inferiority with a fixed margin; testing superiority after it needs no correction: European
Medicines Agency, "Points to consider on switching between superiority and non-inferiority", 2000.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trimtab.config.budget import Budget
from trimtab.config.retrain import Retrain
from trimtab.evaluate.budget import accuracy_budget
from trimtab.evaluate.evaluation import Drop, Latency

Finding = Literal["better", "cheaper", "no_gain", "unproven", "worse"]


@dataclass(frozen=True)
class Price:
    """What serving a model costs.

    Attributes:
        size_bytes: Bytes of the model file.
        latency: Measured beside the other model.
    """

    size_bytes: int
    latency: Latency


def tolerated(retrain: Retrain, budget: Budget, task: str) -> float:
    """Returns the largest loss of "not worse": of accuracy, or the relative increase of the error."""
    own = retrain.max_accuracy_drop if task == "classification" else retrain.max_error_increase
    return accuracy_budget(budget, task) if own is None else own


def judge(loss: Drop, gain: Drop, limit: float, *, is_cheaper: bool) -> Finding:
    """Returns what is proven of a challenger.

    Args:
        loss: What the challenger loses against the champion, with its proven limit.
        gain: What the champion loses against the challenger: below zero, the challenger is proven worse.
        limit: The loss that "not worse" tolerates.
        is_cheaper: Whether it is cheaper; see ``cheaper``.

    Returns:
        ``better`` and ``cheaper`` (and not worse) replace the champion. ``no_gain``: not worse, and neither
        better nor cheaper. ``unproven``: "not worse" is not shown, nor is "worse".
    """
    if loss.upper_bound < 0:
        return "better"
    if loss.upper_bound <= limit:
        return "cheaper" if is_cheaper else "no_gain"
    return "worse" if gain.upper_bound < 0 else "unproven"


def cheaper(champion: Price, challenger: Price, share: float) -> bool:
    """Returns whether one of size and median latency is lower by a share, and the other not higher by it.

    Args:
        champion: The price of the model in service.
        challenger: The price of the new one.
        share: Such as 0.05; see ``retrain.cheaper_by``.
    """
    size = challenger.size_bytes / champion.size_bytes
    time = challenger.latency.p50 / champion.latency.p50
    return min(size, time) <= 1 - share and max(size, time) < 1 + share
