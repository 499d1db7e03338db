"""The limits of quality that a budget sets, as what can be asked of a candidate's answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.proof import Limit
from trimtab.config.budget import Budget, misfit, ungrouped
from trimtab.config.limits import KINDS, is_function
from trimtab.config.limits import Limit as Asked
from trimtab.errors import ConfigError, DataError
from trimtab.evaluate.functions import value_of
from trimtab.evaluate.limits import Demand, Split
from trimtab.evaluate.parts import Part, parts
from trimtab.tasks.headline import Better
from trimtab.tasks.metrics.base import Bounded, Measure, Unit
from trimtab.tasks.metrics.registry import metric
from trimtab.tasks.registry import task as task_of

_BOUNDED: dict[str, Bounded] = {
    "proportions": "proportions",
    "means": "means",
    "area": "area",
    "resampled": "resampled",
    "errors": "means",
}
_AGAINST = frozenset(kinds[0] for kinds in KINDS.values())


def demands(budget: Budget, split: Split) -> list[Demand]:
    """Returns every limit of a budget on the rows that it is tested on, the task's own first.

    Args:
        budget: The section of the config.
        split: The test split.

    Raises:
        ConfigError: If a metric does not judge the task, or has no such class.
        DataError: If no test row is of a class, or slices cannot be made.
    """
    if budget.outputs:
        of_outputs = (
            _of_output(demand, name)
            for name in budget.outputs
            for demand in _all(budget.of_output(name), split.of(name), f"budget.outputs.{name}")
        )
        return list(_told_apart(list(of_outputs)))
    return list(_told_apart(_all(budget, split, "budget")))


def _of_output(demand: Demand, output: str) -> Demand:
    named = {"name": f"{output}: {demand.limit.name}", "output": output}
    return replace(demand, limit=demand.limit.model_copy(update=named))


def _all(budget: Budget, split: Split, field: str) -> list[Demand]:
    """Returns every limit of an output; arguments as for ``demands``, and the place in the config."""
    whole = [*_short_form(budget, split), *_listed(budget.limits, budget, split, f"{field}.limits")]
    by_class = list(_per_class(budget, split, field))
    all_demands = [*whole, *by_class]
    for place, asked in enumerate(budget.slices):
        listed = asked.limits is not None and _listed(
            asked.limits, budget, split, f"budget.slices.{place}.limits"
        )
        for part in parts(asked, split.slices[asked.column], split.notations.get(asked.column)):
            all_demands += [_within(demand, part) for demand in listed or whole or by_class]
    for demand in all_demands:
        _check_rows(demand, split)
    return all_demands


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
    """Returns the limit of the metric that a task is about, against the baseline; None: there is none.

    Of several outputs, it is that of the first.
    """
    budget, headline = budget.of_first, task_of(task).judging.headline
    stated = budget.short_form(headline.limit)
    listed = [
        limit.value for limit in budget.limits if limit.metric == headline.metric and limit.kind in _AGAINST
    ]
    values = [value for value in (stated, *listed) if value is not None]
    return _headline(task, min(values)).limit if values else None


def _short_form(budget: Budget, split: Split) -> Iterator[Demand]:
    stated = budget.short_form(task_of(split.task).judging.headline.limit)
    if stated is not None:
        yield _headline(split.task, stated)


def _headline(task: str, value: float) -> Demand:
    """Returns the limit of a task's own metric, whose scores are stored."""
    headline = task_of(task).judging.headline
    unit: Unit = "points" if headline.unit == "points" else "%"
    bound = _BOUNDED[headline.bound]
    # What is stored of each example has the metric for its mean, and so serves wherever a mean does.
    as_mean: Bounded = "means" if bound in ("area", "resampled") else bound
    measure = Measure(headline.name, headline.better, unit, as_mean)
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


def _listed(limits: Sequence[Asked], budget: Budget, split: Split, place: str) -> list[Demand]:
    return [_demand(limit, budget, split, f"{place}.{index}") for index, limit in enumerate(limits)]


def _per_class(budget: Budget, split: Split, field: str) -> Iterator[Demand]:
    asked = budget.per_class
    if asked is None:
        return
    names: list[str | None] = [*split.target.classes]
    for name in names or [None]:  # without classes, it does not judge the task
        limit = asked.model_copy(update={"class_name": name})
        yield _demand(limit, budget, split, f"{field}.per_class")


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
    if entry.by_group and split.groups is None:
        raise ConfigError(ungrouped(asked.metric), field=f"{place}.metric")
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
    if demand.measure.per_group is not None:
        _check_groups(demand, split.of(demand.limit.output), rows)


def _check_groups(demand: Demand, split: Split, rows: NDArray[np.intp]) -> None:
    """Refuses a limit of groups that no group of the test rows can say anything of."""
    view, objection = split.unanswered.take(rows), demand.measure.objection
    if objection is not None and (wrong := objection(view.labels)):
        raise DataError(
            f"{demand.limit.name} cannot be judged: {wrong}",
            field=demand.limit.output or "data.label",
            hint="Shift the label, or limit another metric.",
        )
    if not len(demand.group_scores(split, view, rows)):
        raise DataError(
            f"every order of a group's test rows is worth the same, of all groups, so that "
            f"{demand.limit.name} cannot be judged",
            field="data.group_by",
            hint="Give groups more test rows, or leave its limit out.",
        )
