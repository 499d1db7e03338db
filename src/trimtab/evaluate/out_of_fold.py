"""The limit of a loss out of fold: further from the estimate, as each fold's test rows trained the others.

Rows of a fold are independent of its own models, but not of those that answer the other folds. There is no
unbiased estimate of what that adds to the variance (Y. Bengio and Y. Grandvalet, "No unbiased estimator of
the variance of k-fold cross-validation", JMLR 5, 2004). It vanishes where a row changes a model's loss little
(P. Bayle, A. Bayle, L. Janson and L. Mackey, "Cross-validation confidence intervals for test error", NeurIPS
2020), and does not where a candidate is coarse: weights of two bits, or a few that are kept, hang on a row.
C. Nadeau and Y. Bengio ("Inference for the generalization error", Machine Learning 52, 2003) multiply the
variance of the mean over k folds by 1 + k / (k - 1): of five, the distance from the estimate by 1.5.
"""

from __future__ import annotations

import math
from dataclasses import replace

from trimtab.artifacts.evaluation import Drop
from trimtab.evaluate.bounds.base import Bound
from trimtab.tasks import registry as tasks

_OF_PROPORTIONS, _OF_OTHERS = 1.25, 1.5
"""By ``benchmarks/folds.py``: exact limits of proportions take less, as most of their width is counting."""


def factor(bound: str, folds: int) -> float:
    """Returns how many times further from the estimate a limit is.

    Args:
        bound: What bounds the loss, such as ``proportions``.
        folds: How many there are; 1: there are none.
    """
    if folds == 1:
        return 1.0
    return _OF_PROPORTIONS if bound == "proportions" else _OF_OTHERS


def widened(plain: Bound, bound: str, folds: int) -> Bound:
    """Returns a bound as it is out of fold; arguments as for ``factor``."""
    if folds == 1 or not math.isfinite(plain.upper):
        return plain
    times = factor(bound, folds)
    upper = plain.loss + times * (plain.upper - plain.loss)
    return replace(plain, upper=upper, method=f"{plain.method}; {times:g} times as far, for {folds} folds")


def drop(loss: Drop, task: str, folds: int) -> Drop:
    """Returns the loss of a task's own metric as it is out of fold."""
    times = factor(tasks.task(task).judging.headline.bound, folds)
    upper = loss.observed + times * (loss.upper_bound - loss.observed)
    return loss if folds == 1 else loss.model_copy(update={"upper_bound": upper})
