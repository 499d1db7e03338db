"""The ``budget`` section: what the shipped model may cost, and how sure the proof must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from trimtab.config.base import Section
from trimtab.config.code import Code
from trimtab.config.limits import Limit, SliceOrColumn, declared, is_function
from trimtab.config.problems import Problems
from trimtab.registry import RUNTIMES, TASKS, module

Objective = Literal["latency", "size", "balanced"]

DEFAULTS = {"max_accuracy_drop": 0.01, "max_error_increase": 0.05}
"""What the short forms are where a budget names no limit of quality at all."""


class OutputBudget(Section):
    """The limits of one of several outputs; fields as of ``budget``, of this output alone."""

    max_accuracy_drop: float | None = Field(
        None, gt=0, lt=1, description="Classification: see `budget.max_accuracy_drop`, null: what is there."
    )
    max_error_increase: float | None = Field(
        None, gt=0, lt=10, description="Regression: see `budget.max_error_increase`, null: what is there."
    )
    limits: list[Limit] = Field([], description="Limits in any metric of this output; all must hold.")
    per_class: Limit | None = Field(None, description="A limit that must hold for each of its classes.")


class Budget(Section):
    """Every limit that is set must hold; the objective picks among the candidates that remain."""

    max_accuracy_drop: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Classification: largest drop in accuracy, as a fraction (0.01 is one point); null: "
        "0.01, unless there are `limits` or `per_class`.",
    )
    max_error_increase: float | None = Field(
        None,
        gt=0,
        lt=10,
        description="Regression: largest relative increase of the mean absolute error; null: 0.05, unless "
        "there are `limits`.",
    )
    limits: list[Limit] = Field([], description="Limits in any metric; all must hold.")
    per_class: Limit | None = Field(
        None,
        description="A limit that must hold for every class, such as `{metric: recall, max_drop: 0.05}`.",
    )
    outputs: dict[str, OutputBudget] = Field(
        {},
        description="Of several labels: the limits of each output by its name, such as `{species: "
        "{max_accuracy_drop: 0.01}, weight: {max_error_increase: 0.05}}`. All must hold; one that is not "
        "named has those of its kind above.",
    )
    slices: list[SliceOrColumn] = Field(
        [],
        description="Columns, or `{column: age, bins: [30, 60]}`: limits must hold for each of their values, "
        "or of their ranges, alone.",
    )
    min_speedup: float | None = Field(
        None,
        gt=1,
        le=1000,
        description="How many times as fast as the baseline, by the medians of both, measured in turns: the "
        "lower end of its 95 % interval over five processes. Prefer it to `max_latency_ms`: it holds on "
        "other machines, too, if not to the digit.",
    )
    max_latency_ms: float | None = Field(
        None,
        gt=0,
        description="Median latency of one example, on the machine and at the time that select runs: the "
        "upper end of its 95 % interval over five processes.",
    )
    max_size_kb: float | None = Field(
        None, gt=0, description="Size of the model file, in units of 1,000 bytes; `size` says which."
    )
    size: Literal["file", "gzip"] = Field(
        "file",
        description="Which size is limited and chosen by: the file's own, as on a disk or in flash, or "
        "after gzip, as it is sent or stored packed.",
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="The model that ships keeps the limits of its quality with at least this probability.",
    )
    proof: Literal["required", "estimate"] = Field(
        "required",
        description="`estimate` judges each candidate by the loss that was observed: more pass, and nothing "
        "is proven of the one that is chosen among them.",
    )
    objective: Objective = "balanced"
    threads: int = Field(1, ge=1, le=256, description="Threads of the runtime when latency is measured.")
    streams: int = Field(
        1,
        ge=1,
        le=256,
        description="Requests that OpenVINO answers at a time, which share `threads`; the deployed version "
        "has as many. Other runtimes have one.",
    )
    code: SkipJsonSchema[Code | None] = Field(None, description="The files of the limits' functions.")

    def latency_limit_ms(self, baseline_ms: float | None) -> float | None:
        """Returns the highest median latency that is allowed, or None where there is no limit.

        Args:
            baseline_ms: The baseline's; None where it was not measured.
        """
        relative = baseline_ms / self.min_speedup if self.min_speedup and baseline_ms else None
        return min((limit for limit in (self.max_latency_ms, relative) if limit is not None), default=None)

    @model_validator(mode="after")
    def _has_a_thread_for_each_stream(self) -> Self:
        if self.streams > self.threads:
            raise ValueError(f"streams: each has a thread of its own, and threads is {self.threads}")
        return self

    def streams_of(self, runtime: str) -> int:
        """Returns how many requests a runtime answers at a time."""
        return self.streams if module(RUNTIMES, runtime).RUNTIME.has_streams else 1

    @model_validator(mode="after")
    def _is_of_every_class(self) -> Self:
        asked = {"per_class": self.per_class}
        asked |= {f"outputs.{name}.per_class": each.per_class for name, each in self.outputs.items()}
        for place, limit in asked.items():
            if limit is None:
                continue
            if is_function(limit.metric) or "class" not in declared(limit.metric).takes:
                raise ValueError(f"{place}: {limit.metric} is not a metric of one class")
            if limit.class_name is not None:
                raise ValueError(f"{place}: it is of every class; name none")
        return self

    @property
    def columns(self) -> list[str]:
        """Returns the columns that slices are made by, each once."""
        return list(dict.fromkeys(slicing.column for slicing in self.slices))

    @property
    def needs_answers(self) -> bool:
        """Returns whether a limit is about more than the scores of the task's own metric on all rows."""
        return bool(self.limits or self.per_class or self.slices or self.outputs)

    @property
    def of_first(self) -> Self:
        """Returns the budget of the first of several outputs; of one output, itself."""
        return self.of_output(next(iter(self.outputs), ""))

    def of_output(self, name: str) -> Self:
        """Returns the budget as one of several outputs has it: its own limits, or what holds for all."""
        if name not in self.outputs:
            return self
        own = self.outputs[name].model_dump(exclude_none=True, exclude_defaults=True)
        given = {field: getattr(self.outputs[name], field) for field in own}
        is_other = bool({"limits", "per_class"} & given.keys())
        above = dict.fromkeys(DEFAULTS) if is_other else {}
        return self.model_copy(update={**above, **given, "outputs": {}})

    def short_form(self, name: str) -> float | None:
        """Returns a short form, or what it is by default where nothing limits the quality; None: no limit."""
        given: float | None = getattr(self, name)
        return DEFAULTS[name] if given is None and not self.limits and self.per_class is None else given

    def named(self) -> Iterator[tuple[tuple[str | int, ...], Limit]]:
        """Yields every limit that is written out, with its place in the section."""
        for place, limit in enumerate(self.limits):
            yield ("limits", place), limit
        if self.per_class is not None:
            yield ("per_class",), self.per_class
        for name, each in self.outputs.items():
            for place, limit in enumerate(each.limits):
                yield ("outputs", name, "limits", place), limit
            if each.per_class is not None:
                yield ("outputs", name, "per_class"), each.per_class
        for place, slicing in enumerate(self.slices):
            for inner, limit in enumerate(slicing.limits or []):
                yield ("slices", place, "limits", inner), limit

    def functions(self) -> list[str]:
        """Returns the users' own metrics, ``module:function``, each once."""
        return list(dict.fromkeys(limit.metric for _, limit in self.named() if is_function(limit.metric)))


def check_task(budget: Budget, task: str) -> None:
    """Refuses limits of metrics that a task's answers have no place for.

    Args:
        budget: The section.
        task: The task's name.

    Raises:
        ValidationError: If there are any.
    """
    problems, form = Problems(), module(TASKS, task).TASK.judging.form
    for place, limit in budget.named():
        if not is_function(limit.metric) and form not in declared(limit.metric).forms:
            problems.add(("budget", *place, "metric"), misfit(limit.metric, task), limit.metric)
    problems.refuse("Config")


def of_labels(budget: Budget, tasks: Mapping[str, str | None]) -> Budget:
    """Returns a budget with limits for each of several outputs, in their order.

    Args:
        budget: The section.
        tasks: The labels, with their tasks where the config names them; of one label, nothing.

    Raises:
        ValidationError: If limits are of no output, or of metrics that an output's task has no place for.
    """
    problems = Problems()
    for name in budget.outputs:
        if name not in tasks:
            known = f"the labels are {', '.join(tasks)}" if tasks else "there is one label: limit it above"
            problems.add(("budget", "outputs", name), f"no label of data.labels is called so; {known}", name)
    if tasks:
        for field in ("limits", "per_class"):
            if given := getattr(budget, field):
                problems.add(("budget", field), "say of which output: budget.outputs.<label>", given)
        for place, slicing in enumerate(budget.slices):
            if slicing.limits:
                where = ("budget", "slices", place, "limits")
                problems.add(where, "leave it out: each output's limits hold for its slices", slicing.column)
    for name, task in tasks.items():
        own = budget.outputs.get(name, OutputBudget())
        for limit in [*own.limits, *filter(None, [own.per_class])]:
            if task and not is_function(limit.metric) and _form(task) not in declared(limit.metric).forms:
                problems.add(("budget", "outputs", name, "limits"), misfit(limit.metric, task), limit.metric)
    problems.refuse("Config")
    outputs = {name: budget.outputs.get(name, OutputBudget()) for name in tasks}
    return budget.model_copy(update={"outputs": outputs})


def _form(task: str) -> str:
    form: str = module(TASKS, task).TASK.judging.form
    return form


def check_streams(budget: Budget, runtimes: Sequence[str]) -> None:
    """Refuses streams that no runtime has.

    Args:
        budget: The section.
        runtimes: Those of the candidates.

    Raises:
        ValidationError: If there are none.
    """
    problems = Problems()
    if budget.streams > 1 and not any(budget.streams_of(name) > 1 for name in runtimes):
        message = f"{', '.join(runtimes)} answers one request at a time; openvino has streams"
        problems.add(("budget", "streams"), message, budget.streams)
    problems.refuse("Config")


def check_groups(budget: Budget, group_by: str | None) -> None:
    """Refuses limits of metrics that are of groups of rows, where the data names none.

    Args:
        budget: The section.
        group_by: The column whose values are the groups.

    Raises:
        ValidationError: If there are any.
    """
    problems = Problems()
    for place, limit in budget.named():
        if group_by is None and not is_function(limit.metric) and declared(limit.metric).by_group:
            problems.add(("budget", *place, "metric"), ungrouped(limit.metric), limit.metric)
    problems.refuse("Config")


def ungrouped(metric: str) -> str:
    """Returns in words that a metric lacks groups."""
    return f"{metric} is of the order of each user's items: name the users' column by data.group_by"


def misfit(metric: str, task: str) -> str:
    """Returns in words that a metric cannot judge a task."""
    return f"{metric} does not judge {task}"
