"""The limits of quality that a budget sets, as what can be asked of a candidate's answers.

Every limit is tested at the same level, and all must hold: that is the intersection-union test (R. L. Berger,
"Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982), which needs no
correction, since a model that breaks one limit passes at most as often as it passes that one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.config.budget import Budget, misfit
from trimtab.config.limits import KINDS, is_function
from trimtab.config.limits import Limit as Asked
from trimtab.data.values.notation import Notation
from trimtab.errors import ConfigError, DataError
from trimtab.evaluate.bounds.base import Bound, Groups
from trimtab.evaluate.bounds.means import means, needs_of
from trimtab.evaluate.bounds.proportions import proportions
from trimtab.evaluate.bounds.resampled import LeftOut, jackknifed, left_out
from trimtab.evaluate.bounds.roc_auc import roc_auc
from trimtab.evaluate.functions import value_of
from trimtab.evaluate.out_of_fold import widened
from trimtab.evaluate.parts import Part, parts
from trimtab.tasks.base import Target
from trimtab.tasks.headline import Better
from trimtab.tasks.metrics.base import Bounded, Floats, Measure, Unit, View
from trimtab.tasks.metrics.registry import metric
from trimtab.tasks.registry import task as task_of

_BOUNDED: dict[str, Bounded] = {
    "proportions": "proportions",
    "means": "means",
    "area": "area",
    "errors": "means",
}
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
    """

    task: str
    target: Target
    count: int
    read: Callable[[], NDArray[Any]]
    slices: Mapping[str, pa.StringArray] = field(default_factory=dict)
    groups: Groups | None = None
    folds: int = 1
    notations: Mapping[str, Notation] = field(default_factory=dict)

    @cached_property
    def labels(self) -> NDArray[Any]:
        """Returns the labels."""
        return self.read()

    @cached_property
    def judged_labels(self) -> NDArray[Any]:
        """Returns the labels as metrics see them."""
        task = task_of(self.task)
        outputs = np.zeros((self.count, task.meaning.outputs(self.target)), np.float32)
        return task.judging.view(outputs, self.labels, self.target, self.target).labels

    def view(self, examples: Examples) -> View:
        """Returns labels and answers as metrics see them."""
        target = self.target if examples.own is None else examples.own
        return task_of(self.task).judging.view(examples.answers, self.labels, self.target, target)


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
    part: Part | None = None
    _known: dict[bytes, tuple[Split, LeftOut]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def rows(self, split: Split) -> NDArray[np.intp]:
        """Returns the places of the rows that it is about."""
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
        rows = self.rows(split)
        if not len(rows):
            bound, values = Bound(np.nan, np.inf, "none", False, _NOTHING), (np.nan, np.nan)
        else:
            was, now = _aligned(self.data(split, before, rows), self.data(split, after, rows))
            if self.limit.bound == "area" and self.is_headline:
                bound = _area(split, before, after, rows, confidence)
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
        if self.is_headline:
            return Data(None, np.asarray(examples.scores[rows], np.float64))
        view = split.view(examples).take(rows)
        scores = self.measure.scores
        return Data(view, None if scores is None else scores(view.labels, view.answers))

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
        scores: Of each row, ``(n,)``; None: the metric has none.
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
        if self.view is None:
            return float(self.known.mean())
        return measure.value(self.view.labels, self.view.answers)


def _aligned(was: Data, now: Data) -> tuple[Data, Data]:
    """Returns both with as many columns: one model may know a class that the data does not have."""
    if was.view is None or now.view is None or now.view.answers.ndim == 1:
        return was, now
    width = max(was.view.answers.shape[1], now.view.answers.shape[1])
    return replace(was, view=_widened(was.view, width)), replace(now, view=_widened(now.view, width))


def _widened(view: View, width: int) -> View:
    """Returns a view with columns that never apply, and are never told, behind those that there are."""

    def wide(values: NDArray[Any]) -> NDArray[Any]:
        return np.pad(values, ((0, 0), (0, width - values.shape[1])))

    return View(view.labels if view.labels.ndim == 1 else wide(view.labels), wide(view.answers))


def demands(budget: Budget, split: Split) -> list[Demand]:
    """Returns every limit of a budget on the rows that it is tested on, the task's own first.

    Args:
        budget: The section of the config.
        split: The test split.

    Raises:
        ConfigError: If a metric does not judge the task, or has no such class.
        DataError: If no test row is of a class, or slices cannot be made.
    """
    whole = [*_short_form(budget, split), *_listed(budget.limits, budget, split, "budget.limits")]
    by_class = list(_per_class(budget, split))
    all_demands = [*whole, *by_class]
    for place, asked in enumerate(budget.slices):
        listed = asked.limits is not None and _listed(
            asked.limits, budget, split, f"budget.slices.{place}.limits"
        )
        for part in parts(asked, split.slices[asked.column], split.notations.get(asked.column)):
            all_demands += [_within(demand, part) for demand in listed or whole or by_class]
    for demand in all_demands:
        _check_rows(demand, split)
    return list(_told_apart(all_demands))


def _told_apart(all_demands: Sequence[Demand]) -> Iterator[Demand]:
    """Yields each limit once, with a number in its name where another one is called the same."""
    allowed: dict[str, list[str]] = {}
    for demand in all_demands:
        name, says = demand.limit.name, allowed.setdefault(demand.limit.name, [])
        if demand.limit.allowed in says:
            continue
        says.append(demand.limit.allowed)
        name = name if len(says) == 1 else f"{name} ({len(says)})"
        yield replace(demand, limit=demand.limit.model_copy(update={"name": name}))


def headline_limit(budget: Budget, task: str) -> Limit | None:
    """Returns the limit of the metric that a task is about, against the baseline; None: there is none."""
    headline = task_of(task).judging.headline
    stated = budget.short_form(headline.limit)
    listed = [
        limit.value for limit in budget.limits if limit.metric == headline.metric and limit.kind in _AGAINST
    ]
    values = [value for value in (stated, *listed) if value is not None]
    return _headline(task, min(values)).limit if values else None


_AGAINST = frozenset(kinds[0] for kinds in KINDS.values())


def _short_form(budget: Budget, split: Split) -> Iterator[Demand]:
    stated = budget.short_form(task_of(split.task).judging.headline.limit)
    if stated is not None:
        yield _headline(split.task, stated)


def _headline(task: str, value: float) -> Demand:
    """Returns the limit of a task's own metric, whose scores are stored."""
    headline = task_of(task).judging.headline
    unit: Unit = "points" if headline.unit == "points" else "%"
    bound = _BOUNDED[headline.bound]
    # What is stored of each example has the area for its mean, and so serves wherever a mean does.
    as_mean: Bounded = "means" if bound == "area" else bound
    measure = Measure(headline.name, headline.better, unit, as_mean, _no_value)
    kind = KINDS[headline.better][0]
    limit = Limit(
        metric=headline.metric,
        name=headline.name,
        kind=kind,
        value=value,
        unit=unit,
        bound=bound,
        max_loss=value,
    )
    return Demand(limit, measure, is_headline=True)


def _area(
    split: Split, before: Examples, after: Examples, rows: NDArray[np.intp], confidence: float
) -> Bound:
    """Returns the bound of a task's own area, of which labels and answers say more than the stored scores."""
    was, now = split.view(before).take(rows), split.view(after).take(rows)
    groups = None if split.groups is None else split.groups[rows]
    return roc_auc(now.labels > 0, was.answers, now.answers, confidence, groups)


def _no_value(*_: NDArray[Any]) -> float:
    raise AssertionError("its value is the mean of the scores that are stored")


def _listed(limits: Sequence[Asked], budget: Budget, split: Split, place: str) -> list[Demand]:
    return [_demand(limit, budget, split, f"{place}.{index}") for index, limit in enumerate(limits)]


def _per_class(budget: Budget, split: Split) -> Iterator[Demand]:
    asked = budget.per_class
    if asked is None:
        return
    names: list[str | None] = [*split.target.classes]
    for name in names or [None]:  # without classes, it does not judge the task
        limit = asked.model_copy(update={"class_name": name})
        yield _demand(limit, budget, split, "budget.per_class")


def _demand(asked: Asked, budget: Budget, split: Split, place: str) -> Demand:
    headline = task_of(split.task).judging.headline
    if asked.metric == headline.metric and asked.kind in _AGAINST:
        return _headline(split.task, asked.value)
    measure = _measure(asked, budget, split, place)
    limit = Limit(
        metric=asked.metric,
        name=measure.name,
        kind=asked.kind,
        value=asked.value,
        unit=measure.unit,
        bound=measure.bound,
        max_loss=0.0 if asked.kind in ("min", "max") else asked.value,
        part=_class_of(asked, measure, split.target.classes),
    )
    return Demand(limit, measure)


def _class_of(asked: Asked, measure: Measure, classes: list[str]) -> str:
    """Returns the class whose rows alone a metric is about; empty where it is about all rows."""
    if measure.rows is None or not classes:
        return ""
    return asked.class_name or classes[-1]


def _measure(asked: Asked, budget: Budget, split: Split, place: str) -> Measure:
    if is_function(asked.metric):
        better: Better = "higher" if asked.kind in KINDS["higher"] else "lower"
        value = value_of(asked.metric, budget.code)
        return Measure(asked.metric, better, "", "resampled", value, ranks=True)  # nobody knows
    entry = metric(asked.metric)
    if task_of(split.task).judging.form not in entry.forms:
        raise ConfigError(misfit(asked.metric, split.task), field=f"{place}.metric")
    try:
        measure = entry.make(asked, split.target.classes)
    except ValueError as error:
        raise ConfigError(str(error), field=place) from None
    return measure


def _within(demand: Demand, part: Part) -> Demand:
    name = f"{demand.limit.name} where {part.name}"
    of = ", ".join(filter(None, (demand.limit.part, part.name)))
    return replace(demand, limit=demand.limit.model_copy(update={"name": name, "part": of}), part=part)


def _check_rows(demand: Demand, split: Split) -> None:
    """Refuses a limit that no test row can say anything of."""
    rows = demand.rows(split)
    if not len(rows):
        raise DataError(
            f"no test row is of it, so that {demand.limit.name} cannot be judged",
            field=demand.limit.part,
            hint="Give more test rows, or leave its limit out.",
        )


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
