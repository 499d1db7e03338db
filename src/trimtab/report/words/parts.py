"""What the chosen candidate loses on each class and slice, in words."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from trimtab.artifacts.evaluation import HeadlineValue, PartLoss
from trimtab.report.words import numbers

_MOST_NAMES = 5


def called(part: PartLoss) -> str:
    """Returns a part by name: a slice says its column, a class only itself."""
    return f"class {part.part}" if part.kind == "class" else part.part


def loss(value: float, headline: HeadlineValue | None) -> str:
    """Returns a loss with its unit, or the gain that it is, such as ``1.02 points lost``."""
    unit = headline.unit if headline else "points"
    text = numbers.points(abs(value))
    if text == "0.00":
        return "no change"
    if headline is not None and headline.better == "lower":
        return f"{text} {unit} {'more' if value > 0 else 'less'} error"
    return f"{text} {unit} {'lost' if value > 0 else 'gained'}"


def flagged(parts: Sequence[PartLoss]) -> list[PartLoss]:
    """Returns those that are shown to lose more than all others."""
    return [part for part in parts if part.larger]


def sentence(parts: Sequence[PartLoss], headline: HeadlineValue | None) -> str:
    """Returns which parts are shown to lose more than the others, or that none is."""
    if not parts:
        return ""
    worse = flagged(parts)
    kinds = " or ".join(dict.fromkeys(part.kind for part in sorted(parts, key=lambda part: part.kind)))
    if not worse:
        return f"No {kinds} is shown to lose more than the others."
    told = [f"{called(part)} ({loss(part.loss, headline)})" for part in itertools.islice(worse, _MOST_NAMES)]
    more = f" and {len(worse) - _MOST_NAMES} more" if len(worse) > _MOST_NAMES else ""
    return f"Shown to lose more than the others: {', '.join(told)}{more}."
