"""By which errors a model of numbers learns: those that it is limited by, unless the config names others."""

from __future__ import annotations

from trimtab.config.budget import Budget
from trimtab.config.limits import declared, is_function
from trimtab.config.train import ErrorLoss, Train

ONLY = ""
"""The label where there are not several."""


def errors_learnt(train: Train, budget: Budget) -> dict[str, ErrorLoss]:
    """Returns the errors by label; of what is no number, they mean nothing.

    Args:
        train: The ``train`` section.
        budget: The ``budget`` section: where only squared errors are limited, they are learnt by.
    """
    budgets = {name: budget.of_output(name) for name in budget.outputs} or {ONLY: budget}
    return {name: train.loss or _limited(own) for name, own in budgets.items()}


def _limited(budget: Budget) -> ErrorLoss:
    """Returns the errors that limits are of; absolute ones where these differ, or are of something else."""
    named = {None if is_function(limit.metric) else declared(limit.metric).error for limit in budget.limits}
    if budget.short_form("max_error_increase") is not None:
        named.add("absolute")
    return "squared" if "squared" in named and "absolute" not in named else "absolute"
