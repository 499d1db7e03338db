"""The claim of a deployed version, computed again from the answers that it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ValidationError

from trimtab.artifacts import claim as claims
from trimtab.artifacts.claim import Claim, Rows
from trimtab.artifacts.evaluation import Drop, Examples
from trimtab.artifacts.proof import Limit, LimitTest, Proof, ProofTest
from trimtab.config.budget import Budget
from trimtab.config.chains import BASELINE
from trimtab.data.schema import DatasetSchema
from trimtab.deploy.answers import schema_of
from trimtab.deploy.repository import Repository
from trimtab.errors import ProofError
from trimtab.evaluate import choice, out_of_fold, sequence, significance, spending
from trimtab.evaluate.demands import demands
from trimtab.evaluate.limits import Demand, Split
from trimtab.evaluate.order import Order
from trimtab.registry import TASKS

_TOLERANCE = 1e-9
_LIMIT_FIELDS = ("max_loss", *sorted(set(Limit.model_fields) - {"max_loss"}))


class Verified(BaseModel):
    """What was computed again, and is as it was claimed.

    Attributes:
        version: The version's number.
        candidate: What is deployed.
        examples: Test examples.
        proven: Whether the claim is a proof, or an estimate.
        tests: Tests that were made again, of all candidates.
        numbers: Numbers that were compared.
    """

    version: int
    candidate: str
    examples: int
    proven: bool
    tests: int
    numbers: int


def verify(target: str, version: int | None = None) -> Verified:
    """Computes every number of a version's proof again, from the version alone.

    Args:
        target: The URI of the repository.
        version: A version; None: the champion.

    Raises:
        ProofError: If a number is another one, or if what is deployed is not what was proven.
        ArtifactError: If a file of the version is damaged, or if its proof was not stored.
        DeployError: If there is no such version.
    """
    repository = Repository(target)
    number = repository.resolve(version)
    where = repository.location(number)
    with repository.fetched(number) as deployment:
        claim, rows = claims.read(deployment.path, where)
        schema, candidate = schema_of(deployment, where), str(deployment.lineage.get("candidate"))
    try:
        compared = list(_Judge(claim, rows, schema, _budget(claim)).compared(candidate))
    except ProofError as error:
        raise ProofError(error.message, path=where) from None
    for what, said, is_so in compared:
        if not _same(said, is_so):
            raise ProofError(f"{what}: it says {said}, computed again it is {is_so}", path=where)
    return Verified(
        version=number,
        candidate=candidate,
        examples=claim.proof.examples,
        proven=claim.proof.proven,
        tests=len(claim.proof.tested),
        numbers=len(compared),
    )


def _budget(claim: Claim) -> Budget:
    """Returns the limits that the tests were made by."""
    if claim.task not in TASKS:
        raise ProofError(f"it is of the task {claim.task}, which there is not")
    try:
        return Budget.model_validate(claim.budget)
    except ValidationError as error:
        raise ProofError(f"its budget cannot be read: {error}") from None


@dataclass(frozen=True)
class _Judge:
    """The claim, and what it rests on."""

    claim: Claim
    rows: Rows
    schema: DatasetSchema
    budget: Budget

    def compared(self, candidate: str) -> Iterator[tuple[str, Any, Any]]:
        """Yields what is claimed, as ``(what, said, computed again)``."""
        proof = self.claim.proof
        yield "the candidate that is deployed", candidate, self.claim.chosen
        yield "its thresholds", self.claim.thresholds.get(candidate), self.schema.thresholds
        yield "test examples", proof.examples, len(self.rows.labels)
        yield "folds", proof.folds, self._split.folds
        asked = [demand.limit for demand in self._demands]
        yield "the limits", [limit.name for limit in proof.limits], [limit.name for limit in asked]
        for limit, other in zip(proof.limits, asked, strict=False):
            for field in _LIMIT_FIELDS:
                yield f"{limit.name}: {field}", getattr(limit, field), getattr(other, field)
        yield from self._level(proof)
        again = self._tested(proof)
        yield (
            "the candidates tested",
            [test.candidate for test in proof.tested],
            [test.candidate for test in again],
        )
        for said, is_so in zip(proof.tested, again, strict=False):
            yield from _tests(said, is_so)
        doubts = choice.why_not(proof.rule, again)
        yield "whether it is a proof", proof.proven, not doubts
        yield "whether it says why it is none", bool(proof.why_not), bool(doubts)
        stopped = [test.candidate for test in again if not test.passed]
        yield "where it stopped", proof.stopped_at, [] if proof.rule == "estimate" else stopped
        yield (
            "whether it is proven",
            self._may_ship(proof.passed),
            self._may_ship([test.candidate for test in again if test.passed]),
        )
        if self.claim.drop is not None:
            yield from self._drop(self.claim.drop)

    def _level(self, proof: Proof) -> Iterator[tuple[str, Any, Any]]:
        """Yields what the level is, and how it is shared out."""
        yield "the confidence", proof.confidence, self.budget.confidence
        used = proof.reuse
        if used is not None:
            spent = spending.confidence(used.asked, max(used.decisions, 1))
            yield "the confidence asked for", proof.confidence, spent if used.rule == "spend" else used.asked
            yield "decisions", 1 <= used.same_limits <= used.decisions, True
        if proof.order:
            shares = np.array([turn.share for turn in proof.order], np.float64)
            yield "the shares of the level", float(shares.sum()), 1.0
            yield "the least share of the level is none", bool((shares >= 0).all()), True
            yield "the rule", proof.rule, choice.rule_of(shares)

    @property
    def _demands(self) -> list[Demand]:
        return demands(self.budget, self._split)

    @property
    def _split(self) -> Split:
        slices = {name: pa.array(values, pa.string()) for name, values in self.rows.slices.items()}
        labels, groups = self.rows.labels, self.rows.groups
        folds = 1 if self.rows.folds is None else len(set(self.rows.folds.tolist()))
        return Split(
            self.claim.task,
            self.schema,
            len(labels),
            lambda: labels,
            slices,
            groups,
            folds,
            self.schema.notations,
        )

    def _examples(self, name: str) -> Examples:
        if name not in self.claim.thresholds:
            raise ProofError(f"{name}: its answers are not among those that are stored")
        own_schema = self.schema.with_thresholds(self.claim.thresholds[name])
        return replace(self.rows.examples[name], own=own_schema)

    def _test(self, name: str, confidence: float) -> ProofTest:
        """Returns how a candidate stands to each limit; the baseline, to each that stands alone."""
        split, before, after = self._split, self._examples(BASELINE), self._examples(name)
        asked = [demand for demand in self._demands if name != BASELINE or demand.limit.is_alone]
        found = [demand.test(split, before, after, confidence) for demand in asked]
        if self.claim.proof.rule == "estimate":
            pairs = zip(found, asked, strict=True)
            found = [choice.estimated(test, demand.limit) for test, demand in pairs]
        return choice.test_of(name, confidence, found)

    def _tested(self, proof: Proof) -> list[ProofTest]:
        """Makes the tests again, in the order that was made without test labels."""
        first = [self._test(BASELINE, proof.confidence)] if self._baseline_was_tested(proof) else []
        if proof.rule == "estimate":
            others = [test.candidate for test in proof.tested if test.candidate != BASELINE]
            return first + [self._test(name, proof.confidence) for name in others]
        names = [turn.candidate for turn in proof.order]
        tests: dict[int, ProofTest] = {}

        def passes(place: int, level: float) -> bool:
            tests[place] = self._test(names[place], 1 - level)
            return tests[place].passed

        if unknown := {turn.then for turn in proof.order} - {None, *names}:
            raise ProofError(f"the order goes on with {', '.join(map(str, unknown))}, which is not in it")
        successor = [-1 if turn.then is None else names.index(turn.then) for turn in proof.order]
        shares = np.array([turn.share for turn in proof.order], np.float64)
        order = Order(shares, np.array(successor, np.int64), tuple(range(len(names))))
        return first + [
            tests[tested.candidate] for tested in sequence.run(order, passes, 1 - proof.confidence)
        ]

    def _baseline_was_tested(self, proof: Proof) -> bool:
        return any(test.candidate == BASELINE for test in proof.tested)

    def _may_ship(self, passed: list[str]) -> bool:
        return self.claim.chosen == BASELINE or self.claim.chosen in passed

    def _drop(self, said: Drop) -> Iterator[tuple[str, Any, Any]]:
        if self.claim.chosen == BASELINE:
            is_so = significance.no_drop(len(self.rows.labels), self.budget.confidence)
        else:
            before, after = (self._examples(name).scores for name in (BASELINE, self.claim.chosen))
            sure, task = self.budget.confidence, self.claim.task
            is_so = significance.drop(before, after, sure, task, self.rows.groups)
            is_so = out_of_fold.drop(is_so, task, self._split.folds)
        yield "the confidence of the loss", said.confidence, is_so.confidence
        yield "test examples of the loss", said.examples, is_so.examples
        yield "the loss that was observed", said.observed, is_so.observed
        yield "the upper limit of the loss", said.upper_bound, is_so.upper_bound


def _tests(said: ProofTest, is_so: ProofTest) -> Iterator[tuple[str, Any, Any]]:
    who = said.candidate
    yield f"{who}: the confidence it was tested at", said.confidence, is_so.confidence
    yield f"{who}: whether it passed", said.passed, is_so.passed
    yield f"{who}: the upper limit of the first loss", said.upper_bound, is_so.upper_bound
    yield f"{who}: the limits", len(said.limits), len(is_so.limits)
    for limit_test, other in zip(said.limits, is_so.limits, strict=False):
        for name in LimitTest.model_fields:
            yield f"{who}: {limit_test.limit}: {name}", getattr(limit_test, name), getattr(other, name)


def _same(said: Any, is_so: Any) -> bool:
    if isinstance(said, float) and isinstance(is_so, float):
        return math.isclose(said, is_so, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(said == is_so)
