"""Which models need not be quantized: those that are proven to break the limit of the task's own metric.

No quantization gains accuracy back worth the name; so a model whose loss on the validation examples is
*proven* to exceed the budget is not quantized at all. The proof is one-sided and paired. With ``b`` and ``c``
the scores of baseline and model on the same example, and ``m`` the budget's margin, the excess of an example
is

- classification (1 for right, 0 for wrong): ``(b - c) - m``,
- regression (absolute error): ``c - (1 + m) * b``, Fieller's linearization of a ratio of means,

and a model is dropped when the lower confidence limit of the mean excess (``bounds.skewed_means``) is above
0. A model in doubt stays: the final proof is ``select``'s, on test examples that nothing was chosen on.

On validation examples something was chosen: the epoch whose weights are the baseline, and the trial whose
hyper-parameters it has, are the best of many *on these examples*, where the baseline looks better than it is,
and every model made from it worse. So the limit holds for each of those that could have been the baseline, at
once: it is tested at the level over their number (Bonferroni's inequality, which asks nothing of how they
depend on each other), and so holds for the one that was chosen, however it was.

Source: Fieller, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16, 1954.
"""

from __future__ import annotations

import numpy as np

from trimtab.config.budget import Budget
from trimtab.errors import ArtifactError
from trimtab.evaluate.bounds import skewed_means
from trimtab.evaluate.bounds.base import Groups, totals
from trimtab.evaluate.demands import headline_limit
from trimtab.tasks import registry as tasks


def over_budget(
    baseline: np.ndarray,
    scores: np.ndarray,
    budget: Budget,
    task: str,
    choices: int = 1,
    groups: Groups | None = None,
) -> str:
    """Returns why a model is proven to break the accuracy budget, or an empty string.

    Args:
        baseline: The baseline's validation scores, ``(examples,)``: 1 for right and 0 for wrong, or the
            absolute error.
        scores: The model's scores on the same examples, ``(examples,)``.
        budget: The limits, and how sure to be.
        task: The task's name.
        choices: Of how many models the baseline is the best on these examples.
        groups: The group of each example, ``(examples,)``; None: each is its own.

    Raises:
        ArtifactError: If the two were not scored on the same number of examples.
    """
    if baseline.shape != scores.shape:
        raise ArtifactError(f"expected {baseline.shape} validation scores, found {scores.shape}")
    before, after, n = baseline.astype(np.float64), scores.astype(np.float64), len(scores)
    limit = headline_limit(budget, task)
    if limit is None or n < 2:
        return ""
    headline, margin = tasks.task(task).judging.headline, limit.max_loss
    excess, scale = headline.excess(before, after, margin), headline.scale(float(before.mean()))
    mean = float(excess.mean())
    units = totals((mean - excess) / n, groups)
    if len(units) < 2:
        return ""
    lower = mean - float(skewed_means.excess(units, 1 - (1 - budget.confidence) / choices))
    if not lower > 0:
        return ""
    least = f"at least {margin + lower / scale:.2%} (observed {margin + mean / scale:.2%})"
    among = f", on which the baseline was chosen among {choices:,}" if choices > 1 else ""
    return (
        f"{headline.name} {headline.worsens} by {least} "
        f"at {budget.confidence:.0%} confidence on {n} validation examples{among}; "
        f"the budget allows {margin:.2%}"
    )
