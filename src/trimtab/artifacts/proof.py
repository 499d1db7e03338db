"""How what ships was proven: the order of the tests, and how each ended."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from trimtab.config.limits import Kind
from trimtab.tasks.metrics.base import Unit
from trimtab.tasks.registry import headline_among

Rule = Literal["fixed_sequence", "shared_sequences", "estimate"]


class Limit(BaseModel):
    """A limit that the model which ships has to keep."""

    metric: str = Field(description="What is limited, as the config names it.")
    name: str = Field(description="In words, with its class and its slice: `recall of fraud`.")
    kind: Kind = Field(description="Against the baseline (`max_drop`, `max_increase`), or alone.")
    value: float = Field(description="The limit, as the config has it.")
    unit: Unit = Field(
        description="Of a loss: `points` are hundredths, `%` hundredths of the baseline's value; empty: the "
        "metric's own.",
    )
    bound: str = Field(description="What bounds its loss: `proportions`, `means`, `area`, `resampled`.")
    max_loss: float = Field(
        description="The largest loss: against the baseline, or past `min` or `max`, then 0. A relative one "
        "is a fraction of the baseline's value."
    )
    output: str = Field(
        "", description="Which of several outputs it is about.", exclude_if=lambda output: not output
    )
    part: str = Field("", description="The class or the slice that it is about; empty: all test examples.")

    @model_validator(mode="before")
    @classmethod
    def _as_it_was(cls, values: Any) -> Any:
        """Returns a limit as an earlier trimtab wrote it, of accuracy or of an error, in today's form."""
        if not isinstance(values, dict) or "name" in values:
            return values
        is_error = values.get("bound") == "errors"
        headline = headline_among([values.get("metric", "")])
        return {
            "name": headline.name if headline else values.get("metric", ""),
            "value": values.get("max_loss"),
            "kind": "max_increase" if is_error else "max_drop",
            "unit": "%" if is_error else "points",
            **values,
            "bound": "means" if is_error else values.get("bound"),
        }

    @property
    def is_alone(self) -> bool:
        """Returns whether it is one of the metric itself, whatever the baseline's is."""
        return self.kind in ("min", "max")

    def loss(self, value: float) -> str:
        """Returns a loss in words, such as ``1.02 points``."""
        if not math.isfinite(value):
            return "any amount"
        if not self.unit or (self.is_alone and self.unit == "%"):  # past a limit in the metric's own unit
            return f"{value:.4g}"
        return f"{abs(100 * value) if abs(value) < 5e-5 else 100 * value:.2f} {self.unit}"

    @property
    def allowed(self) -> str:
        """Returns what it allows, such as ``at most 1.00 points below the baseline's``."""
        if self.kind in ("min", "max"):
            value = f"{100 * self.value:.2f} %" if self.unit == "points" else f"{self.value:.4g}"
            return f"at {'least' if self.kind == 'min' else 'most'} {value}"
        loss = f"{100 * self.value:.2f} %" if self.unit == "%" else self.loss(self.value)
        return f"at most {loss} {'below' if self.kind == 'max_drop' else 'above'} the baseline's"


class LimitTest(BaseModel):
    """How a candidate stands to a limit on the test split."""

    limit: str = Field(description="The limit's name.")
    value: float | None = Field(None, description="The metric of the candidate.")
    baseline: float | None = Field(None, description="The metric of the baseline.")
    loss: float | None = Field(None, description="The loss as estimated; null: there is no estimate.")
    upper_bound: float | None = Field(
        None, description="The upper limit of the loss at the confidence; null: nothing is ruled out."
    )
    confidence: float = Field(description="One-sided.")
    holds: bool = Field(
        description="Whether the upper limit is within what is allowed; by `proof: estimate` the loss is."
    )
    method: str = Field(description="How the upper limit was found.")
    proven: bool = Field(True, description="Whether its confidence is kept on so few examples.")
    why_not: str = Field("", description="Why it is an estimate.")


class Reach(BaseModel):
    """What the test split can prove at best of a limit: known before anything is trained."""

    metric: str = Field(description="What is limited.")
    name: str = Field("", description="In words, where it is not the task's own metric over all rows.")
    max_loss: float = Field(description="The largest loss against the baseline that the budget allows.")
    confidence: float = Field(description="One-sided.")
    examples: int = Field(description="Test examples.")
    distinct: int | None = Field(
        None, description="How many different inputs, or groups, they are; null: each is its own."
    )
    grouped: bool = Field(False, description="Whether they are in groups of `data.group_by`.")
    least: float = Field(
        description="The upper limit of the loss if no answer changes; in groups, if they are no more alike "
        "than others."
    )
    needed: int | None = Field(
        None,
        description="The smallest number of test examples on which that is within the budget; null: more "
        "than a billion.",
    )
    folds: int = Field(1, description="Of `in_folds`: how many folds there would be; 1: nothing is known.")
    in_folds: int = Field(0, description="How many rows `data.test.folds` would test.")
    least_in_folds: float | None = Field(
        None, description="The upper limit of the loss on these if no answer changes."
    )

    @property
    def is_enough(self) -> bool:
        """Returns whether a candidate that answers as the baseline does can be proven."""
        return self.least <= self.max_loss


class Turn(BaseModel):
    """A candidate's place in the order."""

    candidate: str
    share: float = Field(description="The share of the level that it begins with; 0: it must be handed one.")
    then: str | None = Field(None, description="Who is handed its share when it passes.")


class ProofTest(BaseModel):
    """One test, made on the test split."""

    candidate: str
    confidence: float = Field(description="1 - the level it was tested at.")
    upper_bound: float | None = Field(
        None, description="The upper limit of its loss at that confidence, of the first limit."
    )
    passed: bool = Field(description="Whether every limit holds.")
    limits: list[LimitTest] = Field([], description="How it stands to each limit, in their order.")

    @property
    def broken(self) -> list[LimitTest]:
        """Returns the limits that do not hold."""
        return [limit for limit in self.limits if not limit.holds]


class Reuse(BaseModel):
    """How often the test rows have decided, in `ledger.json` beside the champion."""

    rule: Literal["warn", "spend"] = Field(description="`proof.reuse` of the config.")
    test_rows: str = Field(description="The fingerprint of the test rows, whatever their order and files.")
    decisions: int = Field(description="How often they have decided, this decision included.")
    same_limits: int = Field(description="How often of these under the same limits.")
    asked: float = Field(
        description="The confidence that the config asks for; `spend` tests at a higher one."
    )


class Proof(BaseModel):
    """What is proven of the model that ships, after it was chosen among all candidates."""

    proven: bool = Field(True, description="Whether what is said below holds, or is an estimate.")
    why_not: str = Field("", description="Why it is an estimate.")
    rule: Rule = Field(
        description="`fixed_sequence`: one candidate after the other is tested at full confidence, up to the "
        "first that fails. `shared_sequences`: several such sequences share the level. `estimate`: each is "
        "judged by the loss that was observed, and nothing is proven of what is chosen among them."
    )
    confidence: float = Field(
        description="The model which ships keeps all limits with at least this probability, before the "
        "test and whatever the number of candidates."
    )
    examples: int = Field(description="Test examples.")
    limits: list[Limit]
    order: list[Turn] = Field([], description="Made without test labels, by falling cost.")
    tested: list[ProofTest] = Field([], description="In the order of the tests.")
    stopped_at: list[str] = Field([], description="The candidates that failed; each ended its sequence.")
    not_tested: dict[str, str] = Field({}, description="Why the others were not tested.")
    reuse: Reuse | None = Field(None, description="How often the test rows have decided before.")
    folds: int = Field(
        1,
        description="How many models answered, each the rows that it was made without. More than 1: what is "
        "proven is of the mean of models that are made so, of which the first is deployed.",
    )

    @property
    def passed(self) -> list[str]:
        """Returns the candidates for which every limit holds."""
        return [test.candidate for test in self.tested if test.passed]
