"""How what ships was proven: the order of the tests, and how each ended."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Rule = Literal["fixed_sequence", "shared_sequences", "estimate"]


class Limit(BaseModel):
    """A limit that the model which ships has to keep."""

    metric: str = Field(description="What is limited: `accuracy` or `mae`.")
    bound: Literal["proportions", "means", "errors"] = Field(description="How its loss is bounded.")
    max_loss: float = Field(
        description="The largest loss against the baseline: of accuracy as a fraction, of the mean absolute "
        "error as its relative increase."
    )


class Reach(BaseModel):
    """What the test split can prove at best of a limit: known before anything is trained."""

    metric: str = Field(description="What is limited.")
    max_loss: float = Field(description="The largest loss against the baseline that the budget allows.")
    confidence: float = Field(description="One-sided.")
    examples: int = Field(description="Test examples.")
    least: float = Field(description="The upper limit of the loss if no answer changes.")
    needed: int | None = Field(
        description="The smallest number of test examples on which that is within the budget; null: more "
        "than a billion."
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
    upper_bound: float = Field(description="The upper limit of its loss at that confidence.")
    passed: bool


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
        "judged as if it were the only one, and nothing is proven of what is chosen among them."
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

    @property
    def passed(self) -> list[str]:
        """Returns the candidates that are proven."""
        return [test.candidate for test in self.tested if test.passed]
