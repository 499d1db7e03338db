"""The metric that a task is about: what the budget limits, what is proven, and what the tables show first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Better = Literal["higher", "lower"]
Bound = Literal["proportions", "means", "area", "resampled", "errors"]
_Scores = NDArray[np.floating]


class Headline(Protocol):
    """A metric that is the mean of a score per example.

    Attributes:
        metric: Its key among the metrics.
        name: As people call it.
        better: Which way is better.
        unit: Of a loss against another model.
        bound: Which paired bound proves a loss, see ``evaluate.significance``.
        limit: The field of the budget, and of ``retrain``, that limits the loss.
        worsens: What it does where it gets worse.
        alike: Its form that weighs every class alike, a key among the metrics; empty where there is none.
    """

    metric: str
    name: str
    better: ClassVar[Better]
    unit: ClassVar[str]
    bound: ClassVar[Bound]
    limit: ClassVar[str]
    worsens: ClassVar[str]
    alike: ClassVar[str]

    def scale(self, baseline: float) -> float:
        """Returns what a mean excess is divided by to be a loss, given the baseline's value."""

    def excess(self, baseline: _Scores, scores: _Scores, margin: float) -> _Scores:
        """Returns by how much the loss of each example is past a margin, ``(n,)``.

        Args:
            baseline: Scores of the baseline, ``(n,)``.
            scores: Of the other model, on the same examples.
            margin: The largest loss that is allowed.
        """

    def cost(self, value: float) -> float:
        """Returns a value as one of which less is better."""

    def text(self, value: float) -> str:
        """Returns a value in words."""

    def unproven(self, bound: str, observed: str, allowed: str, sure: str) -> str:
        """Returns why a loss is past the budget, in words.

        Args:
            bound: The proven limit of the loss, times 100.
            observed: The loss that was seen, times 100.
            allowed: The budget, times 100.
            sure: How sure the limit is.
        """


@dataclass(frozen=True)
class Share:
    """The share of examples that are right: the score of an example is 1 or 0, a loss is a difference."""

    metric: str
    name: str
    better: ClassVar[Better] = "higher"
    unit: ClassVar[str] = "points"
    bound: ClassVar[Bound] = "proportions"
    limit: ClassVar[str] = "max_accuracy_drop"
    worsens: ClassVar[str] = "falls"
    alike: ClassVar[str] = "balanced_accuracy"

    def scale(self, baseline: float) -> float:  # noqa: ARG002
        """See ``Headline.scale``."""
        return 1.0

    def excess(self, baseline: _Scores, scores: _Scores, margin: float) -> _Scores:
        """See ``Headline.excess``."""
        return (baseline - scores) - margin

    def cost(self, value: float) -> float:
        """See ``Headline.cost``."""
        return 1 - value

    def text(self, value: float) -> str:
        """See ``Headline.text``."""
        return f"{value:.2%}"

    def unproven(self, bound: str, observed: str, allowed: str, sure: str) -> str:
        """See ``Headline.unproven``."""
        return (
            f"{self.name} drop could be as large as {bound} points ({sure}); the budget is {allowed}, "
            f"{observed} points observed"
        )


@dataclass(frozen=True)
class Mean(Share):
    """The mean of a score from 0 to 1 of each example, of which more is better: a loss is a difference."""

    bound: ClassVar[Bound] = "means"
    alike: ClassVar[str] = ""


@dataclass(frozen=True)
class Area(Mean):
    """An area under a curve, as the mean of what each example adds to it."""

    bound: ClassVar[Bound] = "area"


@dataclass(frozen=True)
class Overlap(Mean):
    """A ratio of sums over examples, as the mean of what each example adds to it."""

    bound: ClassVar[Bound] = "resampled"


@dataclass(frozen=True)
class Error:
    """A mean error in the label's unit: a loss is an increase relative to the baseline's."""

    metric: str
    name: str
    better: ClassVar[Better] = "lower"
    unit: ClassVar[str] = "%"
    bound: ClassVar[Bound] = "errors"
    limit: ClassVar[str] = "max_error_increase"
    worsens: ClassVar[str] = "rises"
    alike: ClassVar[str] = ""

    def scale(self, baseline: float) -> float:
        """See ``Headline.scale``."""
        return baseline

    def excess(self, baseline: _Scores, scores: _Scores, margin: float) -> _Scores:
        """See ``Headline.excess``; linear as Fieller's ratio of means is tested."""
        return scores - (1 + margin) * baseline

    def cost(self, value: float) -> float:
        """See ``Headline.cost``."""
        return value

    def text(self, value: float) -> str:
        """See ``Headline.text``."""
        return f"{value:.4g}"

    def unproven(self, bound: str, observed: str, allowed: str, sure: str) -> str:
        """See ``Headline.unproven``."""
        return (
            f"{self.name} could be up to {bound} % larger ({sure}); the budget is {allowed} %, "
            f"{observed} % observed"
        )
