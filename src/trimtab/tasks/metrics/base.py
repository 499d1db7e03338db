"""What a metric declares: which answers it judges, which way is better, and how a loss of it is bounded.

A metric sees labels and answers in the *form* of the task, which ``tasks.base.Judging.view`` gives:

- ``classes``: the index of the true class, ``(n,)``, and probabilities, ``(n, classes)``; one more column
  where the model knows classes that the data does not have: to find one of those is always wrong.
- ``labels``: 0 or 1 for each of several labels, ``(n, labels)``, and probabilities of the same shape, of
  which a half and more mean that the label is told.
- ``numbers``: numbers in the label's unit, ``(n,)`` both.
- ``masks``: how many pixels of every image are of each class, and are told to be: see ``overlap``.
- ``scores``: whether an example is positive, ``(n,)``, and a score that is larger where it is, ``(n,)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.headline import Better

_TOLD = 0.5
Array = NDArray[Any]
Floats = NDArray[np.float64]
Without = Callable[[Array, Array, NDArray[np.intp], int], Floats]
GroupScores = Callable[[Array, Array, NDArray[np.integer[Any]]], Floats]
Form = Literal["classes", "labels", "numbers", "masks", "scores"]
Unit = Literal["points", "%", ""]
"""Of a loss: percentage points, per cent of the baseline's value, or the metric's own unit."""

Bounded = Literal["proportions", "means", "area", "resampled"]
"""Which bound of ``evaluate.bounds`` proves a loss."""


class At(Protocol):
    """Where on a curve a metric is read."""

    @property
    def precision(self) -> float:
        """Returns the least precision."""


class Asked(Protocol):
    """The parameters of a metric as the config has them; None where it names none."""

    @property
    def class_name(self) -> str | None:
        """Returns the class that it is about."""

    @property
    def at(self) -> At | None:
        """Returns where it is read."""

    @property
    def k(self) -> int | None:
        """Returns how many guesses count."""

    @property
    def quantile(self) -> float | None:
        """Returns which quantile the model predicts."""

    @property
    def relevant_from(self) -> float | None:
        """Returns the least label of an item that counts as relevant."""


@dataclass(frozen=True)
class View:
    """The labels and the answers of some examples, in the form of their task."""

    labels: Array
    answers: Array

    def take(self, rows: Array) -> View:
        """Returns those of some examples: their places, or which they are."""
        return View(self.labels[rows], self.answers[rows])


@dataclass(frozen=True)
class Measure:
    """A metric with its parameters, on data whose classes are known.

    Attributes:
        name: In words, such as ``recall of fraud``.
        better: Which way is better.
        unit: Of a loss.
        bound: What proves a loss.
        value: Returns the metric of labels and answers, ``(n, …)`` each; ``nan`` where they have none. None:
            they alone do not say it; it is the mean of scores of groups, or of scores that were stored.
        scores: Where the metric is a mean over examples, or follows from one: returns their scores, ``(n,)``.
        rows: Returns which examples it is about, ``(n,)``, by their labels; None: all of them.
        positive: For ``area``: returns which examples are to be ranked first, ``(n,)``, by their labels;
            ``scores`` rank them.
        root: Of which power of the metric ``scores`` are: 2, if it is the root of their mean.
        why_not: Why no bound of it is a proof; empty where one can be.
        ranks: Whether it compares the answers to different examples with each other, so that those of
            different models do not go together.
        without: For ``resampled``: returns the metric without each block of examples, ``(blocks,)``, given
            labels, answers, the block of each example, ``(n,)``, and how many there are. Only where that is
            faster than to ask ``value`` as often.
        rarest: For ``resampled``: returns which examples have what the fewest have, ``(n,)``, by their
            labels; None: those of the rarest class.
        least_rarest: How many of these a proof takes; None: as many as the bound has found for others.
        per_group: Where groups of examples have one score each, of which the metric is the mean: returns
            these, ``(groups,)`` in the order of their numbers, given labels, answers and the group of each
            example, ``(n,)``; nan of a group that cannot tell models apart, whatever they answer. There are
            no ``value`` and no ``scores`` then.
        objection: Returns what is wrong with labels, in words, or nothing; None: any will do.
    """

    name: str
    better: Better
    unit: Unit
    bound: Bounded
    value: Callable[[Array, Array], float] | None = None
    scores: Callable[[Array, Array], Floats] | None = None
    rows: Callable[[Array], NDArray[np.bool_]] | None = None
    positive: Callable[[Array], NDArray[np.bool_]] | None = None
    root: int = 1
    why_not: str = ""
    ranks: bool = False
    without: Without | None = None
    rarest: Callable[[Array], NDArray[np.bool_]] | None = None
    least_rarest: int | None = None
    per_group: GroupScores | None = None
    objection: Callable[[Array], str] | None = None

    @property
    def relative(self) -> bool:
        """Returns whether a loss is a share of the baseline's value."""
        return self.unit == "%"


@dataclass(frozen=True)
class Metric:
    """An entry of the registry.

    Attributes:
        better: Which way is better.
        forms: Of the answers that it judges.
        make: Returns it with its parameters, given the names of the classes. Raises ``ValueError`` with what
            is wrong with a parameter on these classes.
        is_share: Whether a value reads as a percentage.
        takes: The parameters that it may have: ``class``, ``at``, ``k``, ``quantile``, ``relevant_from``.
        needs: Those among them that it must have.
        by_group: Whether it is of groups of examples, which the data has to name.
        error: Which errors of numbers a model is to learn by so that this is good; None: no such.
    """

    better: Better
    forms: frozenset[Form]
    make: Callable[[Asked, list[str]], Measure]
    is_share: bool = False
    takes: frozenset[str] = field(default_factory=frozenset)
    needs: frozenset[str] = field(default_factory=frozenset)
    by_group: bool = False
    error: Literal["absolute", "squared"] | None = None


def decided(labels: Array, answers: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns which labels of the form ``labels`` apply and which are told, ``(n, labels)`` both."""
    return np.asarray(labels > 0), np.asarray(answers >= _TOLD)


def of_index(labels: Array, answers: Array, index: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns which examples are of a class, or have a label, and which are told to, ``(n,)`` both."""
    if labels.ndim == 2:
        there, told = decided(labels[:, index], answers[:, index])
        return there, told
    return np.asarray(labels == index), np.asarray(answers.argmax(axis=1) == index)


def positive(labels: Array, index: int) -> NDArray[np.bool_]:
    """Returns which examples are of a class, or have a label, ``(n,)``."""
    return np.asarray(labels[:, index] > 0 if labels.ndim == 2 else labels == index)


def class_index(asked: Asked, classes: list[str]) -> int | None:
    """Returns the index of the class that a metric is about; of two, the second unless one is named.

    Raises:
        ValueError: If there is no such class.
    """
    if asked.class_name is None:
        return 1 if len(classes) == 2 else None
    if asked.class_name not in classes:
        raise ValueError(f"there is no class {asked.class_name!r}; the classes are {', '.join(classes[:20])}")
    return classes.index(asked.class_name)


def of_class(name: str, asked: Asked) -> str:
    """Returns a metric's name in words, with the class where one is named."""
    return name if asked.class_name is None else f"{name} of {asked.class_name}"
