"""The proof of what ``select`` chooses from: who takes part, in which order, and how each test ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from trimtab.artifacts.evaluation import Drop, read_test, read_validation
from trimtab.artifacts.proof import Proof
from trimtab.config.chains import BASELINE
from trimtab.config.config import Config
from trimtab.data.dataset.groups import Groups
from trimtab.evaluate import budget, choice, significance
from trimtab.evaluate.bounds.base import Bound
from trimtab.evaluate.budget import Finalist
from trimtab.evaluate.choice import Contender


def prove(
    examples: Mapping[str, Path],
    finalists: Mapping[str, Finalist],
    config: Config,
    task: str,
    groups: Groups | None,
) -> Proof:
    """Returns what is proven of the candidates.

    Args:
        examples: The directory of each candidate's scores.
        finalists: What the budget judges of each of them.
        config: The config.
        task: ``classification`` or ``regression``.
        groups: The group of each test example, ``(n,)``; None: each is its own.
    """
    limits, before = config.budget, read_test(examples[BASELINE]).scores

    def bound(name: str, confidence: float) -> Bound:
        return significance.bound(before, read_test(examples[name]).scores, confidence, task, groups)

    rule = choice.prove if limits.proof == "required" else choice.estimate
    contenders = list(_contenders(examples, finalists, config, task))
    limit = budget.quality_limit(limits, task)
    return rule(contenders, limit, len(before), limits.confidence, bound)


def reasons(
    proof: Proof,
    examples: Mapping[str, Path],
    finalists: Mapping[str, Finalist],
    config: Config,
    task: str,
    groups: Groups | None,
) -> dict[str, list[str]]:
    """Returns why each candidate may not be shipped, in words; nothing where it may."""
    tests, limits = {test.candidate: test for test in proof.tested}, config.budget
    because = {}
    for name, finalist in finalists.items():
        because[name] = budget.over_costs(finalist, limits)
        test = tests.get(name)
        if test is not None and not test.passed:
            drop = _drop(examples, name, test.confidence, task, groups)
            because[name].insert(0, budget.unproven(drop, limits, task))
        elif test is None and name != BASELINE and not because[name]:
            because[name].append(proof.not_tested.get(name, "not tested: it costs no less than the baseline"))
    return because


def _drop(
    examples: Mapping[str, Path], name: str, confidence: float, task: str, groups: Groups | None
) -> Drop:
    before, after = (read_test(examples[each]).scores for each in (BASELINE, name))
    return significance.drop(before, after, confidence, task, groups)


def _contenders(
    examples: Mapping[str, Path], finalists: Mapping[str, Finalist], config: Config, task: str
) -> Iterator[Contender]:
    """Yields who keeps the limits of latency and size, and costs less than what ships otherwise."""
    baseline, limits = finalists[BASELINE], config.budget
    costs = {
        name: budget.relative_cost(finalist, baseline, limits)
        for name, finalist in finalists.items()
        if name != BASELINE and not budget.over_costs(finalist, limits)
    }
    # Where the baseline breaks a limit itself, there is nothing else to ship, and any cost may be a gain.
    most = max(costs.values(), default=0.0) * 1.01 if budget.over_costs(baseline, limits) else 1.0
    limit, before = budget.quality_limit(limits, task).max_loss, read_validation(examples[BASELINE]).scores
    for name, cost in costs.items():
        if cost < most:
            losses = significance.losses(before, read_validation(examples[name]).scores, limit, task)
            family = config.candidates()[name].branch.id
            yield Contender(name, family, cost / max(most, 1.0), losses)
