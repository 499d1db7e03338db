"""Limits of quality: a metric, and how much of it the model that ships may lose, or must keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from trimtab.config.base import Section
from trimtab.registry import METRICS, module

Kind = Literal["max_drop", "max_increase", "min", "max"]
KINDS: dict[str, tuple[Kind, Kind]] = {"higher": ("max_drop", "min"), "lower": ("max_increase", "max")}
"""What limits a metric, by which way it is better: against the baseline, and by itself."""

FUNCTION = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
_PARAMETERS = {
    "class": "class_name",
    "at": "at",
    "k": "k",
    "quantile": "quantile",
    "relevant_from": "relevant_from",
}


def is_function(metric: str) -> bool:
    """Returns whether a metric is the user's own function, ``module:function``."""
    return re.fullmatch(FUNCTION, metric) is not None


def _known(name: Any) -> Any:
    if not isinstance(name, str) or (name not in METRICS and not is_function(name)):
        choices = ", ".join([*METRICS, "module:function"])
        raise PydanticKnownError("literal_error", {"expected": choices})
    return name


def _as_text(name: Any) -> Any:
    """Returns a class's name as data has it, where YAML reads a number or a truth."""
    if isinstance(name, bool):
        return str(name).lower()
    return f"{name:g}" if isinstance(name, int | float) else name


MetricName = Annotated[
    str,
    BeforeValidator(_known),
    WithJsonSchema({"anyOf": [{"enum": list(METRICS)}, {"type": "string", "pattern": FUNCTION}]}),
]


class At(Section):
    """Where on a curve a metric is read."""

    precision: float = Field(gt=0, le=1, description="The largest recall with at least this precision.")


class Limit(Section):
    """A limit of one metric: of its loss against the baseline, or of itself."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    metric: MetricName = Field(
        description="What is limited. `module:function`, beside the config file: called with the answers "
        "(probabilities, `(n, classes)`; or numbers, `(n,)`) and the labels (indices of classes, or "
        "numbers), it returns a number."
    )
    class_name: Annotated[str | None, BeforeValidator(_as_text)] = Field(
        None,
        alias="class",
        description="The class that `recall`, `precision`, `roc_auc`, `average_precision`, `ndcg_at_k`, "
        "`recall_at_k` or `iou` is of; null: of two classes, the second.",
    )
    at: At | None = Field(None, description="For `recall`: where it is read, such as `{precision: 0.9}`.")
    k: int | None = Field(
        None,
        ge=1,
        description="For `top_k`: how many guesses count; for `ndcg_at_k` and `recall_at_k`: how many of the "
        "first items.",
    )
    quantile: float | None = Field(None, gt=0, lt=1, description="For `quantile_loss`: which is predicted.")
    relevant_from: float | None = Field(
        None, description="For `recall_at_k` of numbers: the least label of an item that is relevant."
    )
    max_drop: float | None = Field(
        None,
        gt=0,
        description="The largest loss against the baseline, where more is better (0.01: one point).",
    )
    max_increase: float | None = Field(
        None,
        gt=0,
        description="The largest loss against the baseline, where less is better: relative for errors of "
        "numbers (0.05: 5 %), else absolute.",
    )
    min: float | None = Field(None, description="The least value, where more is better.")
    max: float | None = Field(None, description="The largest value, where less is better.")

    @property
    def kind(self) -> Kind:
        """Returns which of the four limits it is."""
        return next(self._given())

    @property
    def value(self) -> float:
        """Returns the limit."""
        value: float = getattr(self, self.kind)
        return value

    def _given(self) -> Iterator[Kind]:
        return (kind for kinds in KINDS.values() for kind in kinds if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _is_one_limit(self) -> Self:
        given = list(self._given())
        if len(given) != 1:
            names = "max_drop, max_increase, min, max"
            raise ValueError(f"expected exactly one of {names}; got {', '.join(given) or 'none'}")
        if not is_function(self.metric):
            self._check_declared(given[0])
        elif stray := [name for name, field in _PARAMETERS.items() if getattr(self, field) is not None]:
            raise ValueError(f"a function takes answers and labels only, not {', '.join(stray)}")
        return self

    def _check_declared(self, given: Kind) -> None:
        entry = declared(self.metric)
        if given not in KINDS[entry.better]:
            more = "more" if entry.better == "higher" else "less"
            kinds = " or ".join(KINDS[entry.better])
            raise ValueError(f"of {self.metric}, {more} is better: expected {kinds}, got {given}")
        for name, field in _PARAMETERS.items():
            is_given = getattr(self, field) is not None
            if is_given and name not in entry.takes:
                raise ValueError(f"{self.metric} takes no {name}")
            if not is_given and name in entry.needs:
                raise ValueError(f"{self.metric} needs {name}")


class Slice(Section):
    """Rows that are alike in one column: every limit holds for each such part of the test rows, too."""

    column: str = Field(description="A column of the data, which may be dropped from the model's.")
    bins: list[float] | list[date] | None = Field(
        None, min_length=1, description="Of numbers, or of dates: where one slice ends and the next begins."
    )
    limits: list[Limit] | None = Field(
        None, min_length=1, description="What must hold for each of its slices; null: `budget.limits`."
    )

    @field_validator("bins")
    @classmethod
    def _rise(cls, bins: Any) -> Any:
        if bins and any(low >= high for low, high in pairwise(bins)):
            raise PydanticCustomError("value_error", "expected rising numbers or dates")
        return bins


def _named(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


SliceOrColumn = Annotated[Slice, BeforeValidator(_named, json_schema_input_type=str | Slice)]


def declared(metric: str) -> Any:
    """Returns the entry of the registry, a ``tasks.metrics.base.Metric``."""
    return module(METRICS, metric).METRICS[metric]
