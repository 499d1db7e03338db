"""How a candidate stands to a limit of quality: what is asked of its answers, and how that is tested.

Every limit is tested at the same level, and all must hold: that is the intersection-union test (R. L. Berger,
"Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982), which needs no
correction, since a model that breaks one limit passes at most as often as it passes that one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.data.values.notation import Notation
from trimtab.evaluate.bounds.base import Bound, Groups
from trimtab.evaluate.bounds.means import NEEDS_OF_GROUP_SCORES, means, needs_of
from trimtab.evaluate.bounds.proportions import proportions
from trimtab.evaluate.bounds.resampled import LeftOut, jackknifed, left_out
from trimtab.evaluate.bounds.roc_auc import roc_auc
from trimtab.evaluate.out_of_fold import widened
from trimtab.evaluate.parts import Part as Slice
from trimtab.tasks.base import Target
from trimtab.tasks.joint.parts import Part, parts_of
from trimtab.tasks.metrics.base import Floats, Measure, View
from trimtab.tasks.metrics.registry import metric
from trimtab.tasks.registry import task as task_of

_NOTHING = "no test example is of it"
_RANKED = "the answers of {} models, which may be scaled differently, are compared with each other"


@dataclass(frozen=True)
class Split:
    """What is known of the rows of a split.

    Attributes:
        task: What the labels mean, by name.
        target: What is known of them.
        count: How many rows there are.
        read: Returns the labels as the task encodes them, ``(n,)``; it is asked where they are needed.
        slices: Columns that slices are made by, as text, ``(n,)`` each.
        groups: The group of each row, ``(n,)``; None: each is its own.
        folds: How many models answered, each the rows that it was made without.
        notations: How numbers and dates are written in those of ``slices`` that are a model's columns, too.
        part: Which of several labels it is about alone; None: there is one, or it is about all.
    """

    task: str
    target: Target
    count: int
    read: Callable[[], NDArray[Any]]
    slices: Mapping[str, pa.StringArray] = field(default_factory=dict)
    groups: Groups | None = None
    folds: int = 1
    notations: Mapping[str, Notation] = field(default_factory=dict)
    part: Part | None = None
    _parts: dict[str, Split] = field(default_factory=dict, init=False, compare=False, repr=False)

    def of(self, output: str) -> Split:
        """Returns the same rows with one of several labels alone; of one label, itself."""
        if not output or (self.part is not None and self.part.name == output):
            return self
        if output not in self._parts:
            part = {each.name: each for each in parts_of(self.target)}[output]
            alone = replace(self, task=part.task.name, target=part.target, part=part)
            self._parts[output] = replace(alone, read=lambda: part.labels(self.labels))
        return self._parts[output]

    @cached_property
    def labels(self) -> NDArray[Any]:
        """Returns the labels."""
        return self.read()

    @cached_property
    def unanswered(self) -> View:
        """Returns the labels as metrics see them, beside answers that say nothing."""
        task = task_of(self.task)
        outputs = np.zeros((self.count, task.meaning.outputs(self.target)), np.float32)
        return task.judging.view(outputs, self.labels, self.target, self.target)

    @property
    def judged_labels(self) -> NDArray[Any]:
        """Returns the labels as metrics see them."""
        return self.unanswered.labels

    def view(self, examples: Examples) -> View:
        """Returns labels and answers as metrics see them."""
        answers, target = self._own(examples)
        return task_of(self.task).judging.view(answers, self.labels, self.target, target)

    def scores(self, examples: Examples) -> NDArray[np.floating[Any]]:
        """Returns the score of each example by the task's own metric; the first label's are stored."""
        if self.part is None or self.part.outputs.start == 0:
            return examples.scores
        answers, target = self._own(examples)
        return task_of(self.task).judging.scores(answers, self.labels, self.target, target)

    def _own(self, examples: Examples) -> tuple[NDArray[np.floating[Any]], Target]:
        """Returns the answers to this label, and what they mean."""
        target = self.target if examples.own is None else examples.own
        if self.part is None:
            return examples.answers, target
        return self.part.answers(examples.answers), target.parts.get(self.part.name, target)


@dataclass(frozen=True)
class Demand:
    """A limit, and how it is asked.

    Attributes:
        limit: What the result says of it.
        measure: The metric.
        is_headline: Whether its scores are those that were stored: the task's own.
        part: The slice that it is about; None: all rows.
    """

    limit: Limit
    measure: Measure
    is_headline: bool = False
    part: Slice | None = None
    _known: dict[bytes, tuple[Split, LeftOut]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def rows(self, split: Split) -> NDArray[np.intp]:
        """Returns the places of the rows that it is about."""
        split = split.of(self.limit.output)
        is_in = np.ones(split.count, bool)
        if self.part is not None:
            is_in &= self.part.rows(split.slices)
        if self.measure.rows is not None:
            is_in &= self.measure.rows(split.judged_labels)
        return np.flatnonzero(is_in)

    def test(self, split: Split, before: Examples, after: Examples, confidence: float) -> LimitTest:
        """Returns how a candidate stands to it.

        Args:
            split: The test split.
            before: What the baseline made of it.
            after: What the candidate made of it.
            confidence: One-sided.
        """
        split = split.of(self.limit.output)
        rows = self.rows(split)
        if not len(rows):
            bound, values = Bound(np.nan, np.inf, "none", False, _NOTHING), (np.nan, np.nan)
        else:
            was, now = _aligned(self.data(split, before, rows), self.data(split, after, rows))
            if self.is_headline and self.limit.bound in _WHOLE:
                bound = _WHOLE[self.limit.bound](split, before, after, rows, confidence)
            else:
                bound = self._bound(split, was, now, rows, confidence)
            bound = widened(bound, self.limit.bound, split.folds)
            values = (self._value(split, was), self._value(split, now))
        return LimitTest(
            limit=self.limit.name,
            baseline=_finite(values[0]),
            value=_finite(values[1]),
            loss=_finite(bound.loss),
            upper_bound=_finite(bound.upper),
            confidence=confidence,
            holds=bool(bound.upper <= self.limit.max_loss),
            method=bound.method,
            proven=bound.proven and not self._why_not(split),
            why_not=bound.why_not or self._why_not(split),
        )

    def _why_not(self, split: Split) -> str:
        """Returns why no bound of it is a proof."""
        ranks = self.measure.ranks and split.folds > 1
        return self.measure.why_not or (_RANKED.format(split.folds) if ranks else "")

    def data(self, split: Split, examples: Examples, rows: NDArray[np.intp]) -> Data:
        """Returns what a model made of the rows that it is about."""
        split = split.of(self.limit.output)
        if self.is_headline:
            return Data(None, np.asarray(split.scores(examples)[rows], np.float64))
        view = split.view(examples).take(rows)
        if self.measure.per_group is not None:
            return Data(None, self.group_scores(split, view, rows))
        scores = self.measure.scores
        return Data(view, None if scores is None else scores(view.labels, view.answers))

    def group_scores(self, split: Split, view: View, rows: NDArray[np.intp]) -> Floats:
        """Returns the score of each group that tells models apart, ``(groups,)``, of a metric of groups.

        Args:
            split: The rows that are judged, in groups.
            view: Labels and answers of those that the limit is about.
            rows: The places of these.
        """
        assert self.measure.per_group is not None
        assert split.groups is not None
        scores = self.measure.per_group(view.labels, view.answers, split.groups[rows])
        return scores[np.isfinite(scores)]

    def _bound(self, split: Split, was: Data, now: Data, rows: NDArray[np.intp], confidence: float) -> Bound:
        limit, measure, alone = self.limit, self.measure, self.limit.is_alone
        groups = None if split.groups is None else split.groups[rows]
        least = limit.value if alone else 0.0
        if measure.bound == "proportions":
            before = None if alone else was.known
            return proportions(before, now.known, confidence, groups, least=least)
        if measure.bound == "means":
            most, before, after = least**measure.root, None if alone else was.known, now.known
            if measure.better == "higher":  # of scores up to 1, what is missing
                most, before, after = 1 - most, None if before is None else 1 - before, 1 - after
            relative = measure.relative and not alone
            needs = needs_of(relative=measure.relative, root=measure.root)
            if measure.per_group is not None:
                groups, needs = np.arange(len(now.known)), NEEDS_OF_GROUP_SCORES
            bound = means(before, after, confidence, groups, relative=relative, most=most, needs=needs)
            return bound if measure.root == 1 else _rooted(bound, measure.root, limit)
        assert now.view is not None
        assert was.view is not None
        if measure.bound == "area":
            assert measure.positive is not None
            before = None if alone else was.known
            positive = measure.positive(now.view.labels)
            return roc_auc(positive, before, now.known, confidence, groups, least=least)
        return jackknifed(
            now.view.labels,
            None if alone else self._left_out(split, was, rows),
            self._left_out(split, now, rows),
            confidence,
            groups,
            higher_is_better=measure.better == "higher",
            relative=measure.relative and not alone,
            allowed=least,
            is_rarest=None if measure.rarest is None else measure.rarest(now.view.labels),
            least_rarest=measure.least_rarest,
        )

    def _value(self, split: Split, data: Data) -> float:
        """Returns the metric, which the jackknife may know already."""
        known_split, known = self._known.get(data.digest, (None, None))
        return float(known.everything) if known and known_split is split else data.value(self.measure)

    def _left_out(self, split: Split, data: Data, rows: NDArray[np.intp]) -> LeftOut:
        """Returns what the jackknife finds, which is the same beside every candidate and at every level."""
        known_split, known = self._known.get(data.digest, (None, None))
        if known is None or known_split is not split:
            assert data.view is not None
            assert self.measure.value is not None
            labels, answers = data.view.labels, data.view.answers
            groups = None if split.groups is None else split.groups[rows]
            known = left_out(self.measure.value, labels, answers, groups, self.measure.without)
            self._known[data.digest] = split, known
        return known


@dataclass(frozen=True)
class Data:
    """What a model made of the rows of a limit.

    Attributes:
        view: Labels and answers; None: the scores are enough.
        scores: Of each row, or of each group of a metric of groups, ``(n,)``; None: the metric has none.
    """

    view: View | None
    scores: Floats | None

    @cached_property
    def digest(self) -> bytes:
        """Returns what tells the answers of one model from those of others."""
        answers = np.empty(0) if self.view is None else self.view.answers
        return hashlib.blake2b(np.ascontiguousarray(answers).data, digest_size=16).digest()

    @property
    def known(self) -> Floats:
        """Returns the scores, of a metric that has them."""
        assert self.scores is not None
        return self.scores

    def value(self, measure: Measure) -> float:
        """Returns the metric."""
        if self.view is None or measure.value is None:
            return float(self.known.mean())
        return measure.value(self.view.labels, self.view.answers)


def _aligned(was: Data, now: Data) -> tuple[Data, Data]:
    """Returns both with as many columns: one model may know a class that the data does not have."""
    if was.view is None or now.view is None or now.view.answers.ndim == 1:
        return was, now
    if was.view.answers.shape == now.view.answers.shape:
        return was, now
    width = max(was.view.answers.shape[1], now.view.answers.shape[1])
    return replace(was, view=_widened(was.view, width)), replace(now, view=_widened(now.view, width))


def _widened(view: View, width: int) -> View:
    """Returns a view with columns that never apply, and are never told, behind those that there are."""

    def wide(values: NDArray[Any]) -> NDArray[Any]:
        return np.pad(values, ((0, 0), (0, width - values.shape[1])))

    return View(view.labels if view.labels.ndim == 1 else wide(view.labels), wide(view.answers))


def _area(
    split: Split, before: Examples, after: Examples, rows: NDArray[np.intp], confidence: float
) -> Bound:
    """Returns the bound of a task's own area, of which labels and answers say more than the stored scores."""
    was, now = split.view(before).take(rows), split.view(after).take(rows)
    groups = None if split.groups is None else split.groups[rows]
    return roc_auc(now.labels > 0, was.answers, now.answers, confidence, groups)


def _ratio(
    split: Split, before: Examples, after: Examples, rows: NDArray[np.intp], confidence: float
) -> Bound:
    """Returns the bound of a task's own ratio, by the metric of its name: stored scores are a mean."""
    name = task_of(split.task).judging.headline.metric
    measure = metric(name).make(_Unasked(), split.target.classes)
    was, now = (Data(split.view(each).take(rows), None) for each in (before, after))
    limit = Limit(metric=name, name=name, kind="max_drop", value=0, unit="points", bound="", max_loss=0)
    return Demand(limit, measure)._bound(split, was, now, rows, confidence)


_WHOLE: dict[str, Callable[[Split, Examples, Examples, NDArray[np.intp], float], Bound]] = {
    "area": _area,
    "resampled": _ratio,
}
"""What bounds a task's own metric where the stored scores say less of it than labels and answers do."""


@dataclass(frozen=True)
class _Unasked:
    """See ``tasks.metrics.base.Asked``: nothing is asked for."""

    class_name: None = None
    at: None = None
    k: None = None
    quantile: None = None
    relevant_from: None = None


def _rooted(bound: Bound, root: int, limit: Limit) -> Bound:
    """Returns the bound of a root of what was bounded."""

    def of(value: float) -> float:
        if limit.is_alone:
            return float(max(value + limit.value**root, 0.0) ** (1 / root) - limit.value)
        return float(max(1 + value, 0.0) ** (1 / root) - 1)

    return replace(bound, loss=of(bound.loss), upper=of(bound.upper))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


Tests = Callable[[str, float], list[LimitTest]]
"""How a candidate stands to each limit at a confidence."""
