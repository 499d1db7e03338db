"""Which models need not be quantized: those that are proven to break the limit of the task's own metric.

No quantization gains accuracy back worth the name; so a model whose loss on the validation examples is
*proven* to exceed the budget is not quantized at all. The proof is one-sided and paired. With ``b`` and ``c``
the scores of baseline and model on the same example, and ``m`` the budget's margin, the excess of an example
is

- classification (1 for right, 0 for wrong): ``(b - c) - m``,
- regression (absolute error): ``c - (1 + m) * b``, Fieller's linearization of a ratio of means,

and a model is dropped when the lower confidence limit of the mean excess, by the normal approximation, is
above 0. A model in doubt stays: the final proof is ``select``'s, on test examples that nothing was chosen on.

Source: Fieller, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16, 1954.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from trimtab.config.budget import Budget
from trimtab.errors import ArtifactError
from trimtab.evaluate.limits import headline_limit
from trimtab.tasks import registry as tasks


def over_budget(baseline: np.ndarray, scores: np.ndarray, budget: Budget, task: str) -> str:
    """Returns why a model is proven to break the accuracy budget, or an empty string.

    Args:
        baseline: The baseline's validation scores, ``(examples,)``: 1 for right and 0 for wrong, or the
            absolute error.
        scores: The model's scores on the same examples, ``(examples,)``.
        budget: The limits, and how sure to be.
        task: The task's name.

    Raises:
        ArtifactError: If the two were not scored on the same number of examples.
    """
    if baseline.shape != scores.shape:
        raise ArtifactError(f"expected {baseline.shape} validation scores, found {scores.shape}")
    before, after, n = baseline.astype(np.float64), scores.astype(np.float64), len(scores)
    if n < 2:
        return ""
    limit = headline_limit(budget, task)
    if limit is None:
        return ""
    headline, margin = tasks.task(task).judging.headline, limit.max_loss
    excess, scale = headline.excess(before, after, margin), headline.scale(float(before.mean()))
    z = NormalDist().inv_cdf(budget.confidence)
    lower = float(excess.mean()) - z * float(excess.std(ddof=1)) / math.sqrt(n)
    if not lower > 0:
        return ""
    least = f"at least {margin + lower / scale:.2%} (observed {margin + float(excess.mean()) / scale:.2%})"
    return (
        f"{headline.name} {headline.worsens} by {least} "
        f"at {budget.confidence:.0%} confidence on {n} validation examples; "
        f"the budget allows {margin:.2%}"
    )
