"""Rare classes, to which a limit of the accuracy alone is blind: said, and what it does to them is shown."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.evaluation import Evaluation
from trimtab.config.budget import Budget
from trimtab.evaluate.demands import headline_limit

_RARE = 0.1
_OF_ITS_EQUAL_SHARE = 0.5
"""Of many classes each is below a tenth: rare is what has less than half of what all alike would have."""


def warning(budget: Budget, data: DatasetSummary) -> str:
    """Returns that the limit of the accuracy says little, if it is the only one and a class is rare."""
    counts = data.tested_by_class or data.class_counts.get("test", {})
    if budget.needs_answers or not _is_blind(budget, data.task) or not sum(counts.values()):
        return ""
    name, rows = min(counts.items(), key=lambda item: item[1])
    share = rows / sum(counts.values())
    if not _is_rare(list(counts.values())):
        return ""
    return (
        f"{share:.1%} of the test rows are of class {name}: a model that never finds it loses no more than "
        "that in accuracy. Limit its recall, roc_auc or balanced_accuracy in budget.limits, or every class "
        "in budget.per_class."
    )


def flags(budget: Budget, baseline: Evaluation, evaluations: Mapping[str, Evaluation]) -> dict[str, str]:
    """Returns whose balanced accuracy falls by more than the accuracy may, in words, if that is not limited.

    Args:
        budget: The limits.
        baseline: What was found of the baseline.
        evaluations: Of each candidate.
    """
    limit, alike = headline_limit(budget, baseline.task), baseline.headline.alike
    before = baseline.metrics.get(alike)
    truly = [sum(row) for row in baseline.confusion]
    if limit is None or before is None or budget.needs_answers or not _is_rare(truly):
        return {}
    drops = {name: before - evaluation.metrics.get(alike, before) for name, evaluation in evaluations.items()}
    return {
        name: f"{alike.replace('_', ' ')} falls by {100 * drop:.2f} points, to {before - drop:.2%}"
        for name, drop in drops.items()
        if drop > limit.max_loss
    }


def _is_rare(counts: list[int]) -> bool:
    """Returns whether a class is rare, given the rows of each."""
    if not sum(counts):
        return False
    return min(counts) / sum(counts) < min(_RARE, _OF_ITS_EQUAL_SHARE / len(counts))


def _is_blind(budget: Budget, task: str) -> bool:
    """Returns whether what is limited is a share of right answers."""
    limit = headline_limit(budget, task)
    return limit is not None and limit.bound == "proportions"
