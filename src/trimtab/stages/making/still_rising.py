"""Whether a training ended before the model had learnt what it can."""

from __future__ import annotations

from math import ceil

from trimtab.tasks.headline import Headline
from trimtab.train.history import History

_HIGH = 0.9
"""A share from which on training is not called low."""
_LAST, _LEAST_RISE = 0.2, 0.01
"""The share of epochs that is looked at; what a metric gains in them where it is still rising."""


def warnings(history: History, headline: Headline) -> list[str]:
    """Returns a warning when the training metric is low, and still got better in the last fifth of epochs.

    What was stopped early, or had its best epoch before, has seen enough; what got better on training rows
    alone learns them by heart. An error has no height that is low: it is still falling where it lost a
    hundredth of itself.

    Args:
        history: Of the training.
        headline: The task's metric.
    """
    epochs = history.epochs
    span = ceil(_LAST * len(epochs))
    if history.stopped_early or len(epochs) <= span or headline.metric not in epochs[-1]:
        return []
    rising = all(
        _is_rising(epochs[-1 - span][metric], epochs[-1][metric], headline)
        for metric in (headline.metric, f"val_{headline.metric}")
        if metric in epochs[-1]
    )
    if (history.best_epoch or len(epochs)) < len(epochs) - span or not rising:
        return []
    before, last = (epochs[place][headline.metric] for place in (-1 - span, -1))
    return [
        f"the {headline.name} on training rows is {headline.text(last)} after {len(epochs)} epochs, and was "
        f"{headline.text(before)} {span} before: the model has not learnt all it can. Train longer "
        f"(train.epochs: {2 * len(epochs)}), faster (a larger train.learning_rate), or a larger model."
    ]


def _is_rising(before: float, last: float, headline: Headline) -> bool:
    if headline.better == "lower":
        return last <= (1 - _LEAST_RISE) * before
    return last < _HIGH and last - before >= _LEAST_RISE
