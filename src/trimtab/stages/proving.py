"""The proof of what ``select`` chooses from: who takes part, in which order, and how each test ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from trimtab.artifacts.claim import Rows
from trimtab.artifacts.evaluation import read_test, read_validation
from trimtab.artifacts.proof import Limit, LimitTest, Proof
from trimtab.config.budget import Budget
from trimtab.config.chains import BASELINE
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.groups import Groups
from trimtab.data.dataset.pooled import Pooled
from trimtab.evaluate import budget, choice
from trimtab.evaluate.bounds.proportions import Sizes
from trimtab.evaluate.budget import Finalist
from trimtab.evaluate.choice import Contender
from trimtab.evaluate.demands import demands
from trimtab.evaluate.expected import Expectation, Stake
from trimtab.evaluate.limits import Demand, Split


def splits(limits: Budget) -> list[str]:
    """Returns the splits of the dataset that the proof reads."""
    return ["validation", "test"] if limits.needs_answers else ["test"]


class Judge:
    """The limits of the budget, asked of candidates; what was found is kept.

    Args:
        config: The config.
        tested: The test rows, of all folds.
        data: The dataset, of which ``splits`` are there.
        examples: The directory of each candidate's scores and answers.
        thresholds: Those that each candidate chose for its answers.
    """

    def __init__(
        self,
        config: Config,
        tested: Pooled,
        data: Dataset,
        examples: Mapping[str, Path],
        thresholds: Mapping[str, list[float]],
    ) -> None:
        self.task, self.examples, self._tested = data.schema.task, len(tested), tested
        self._examples, self._estimates = examples, config.budget.proof == "estimate"
        self.groups = tested.groups()
        self._own_schemas = {name: data.schema.with_thresholds(thresholds[name]) for name in examples}
        self._before = read_test(examples[BASELINE], self._own_schemas[BASELINE])
        self._test = split_of_tested(tested, config.budget.columns, self.groups)
        self._demands = demands(config.budget, self._test)
        seen = read_validation(examples[BASELINE], self._own_schemas[BASELINE])
        columns, count = config.budget.columns, len(seen.scores)
        by_group = count and any(demand.measure.per_group is not None for demand in self._demands)
        groups = data.groups("validation") if by_group else None
        validation = split_of(data, "validation", columns if count else [], groups, count=count)
        self._expected = [Expectation(demand, validation, seen, self.examples) for demand in self._demands]
        self._limit_tests: dict[tuple[str, float], list[LimitTest]] = {}

    @property
    def limits(self) -> list[Limit]:
        """Returns the limits."""
        return [demand.limit for demand in self._demands]

    @property
    def stakes(self) -> list[Stake]:
        """Returns the limits as the forecast has to know them."""
        return [expected.stake for expected in self._expected]

    def tests(self, name: str, confidence: float) -> list[LimitTest]:
        """Returns how a candidate stands to each limit; the baseline, to each that stands alone."""
        key = name, confidence
        if key not in self._limit_tests:
            after = read_test(self._examples[name], self._own_schemas[name])
            asked = [each for each in self._demands if name != BASELINE or each.limit.is_alone]
            found = [each.test(self._test, self._before, after, confidence) for each in asked]
            if self._estimates:
                pairs = zip(found, asked, strict=True)
                found = [choice.estimated(test, demand.limit) for test, demand in pairs]
            self._limit_tests[key] = found
        return self._limit_tests[key]

    @property
    def folds(self) -> int:
        """Returns how many folds the rows are tested by; 1: there are none."""
        return len(self._tested.folds)

    def rows(self, names: Iterable[str]) -> Rows:
        """Returns what the tests of some candidates rest on."""
        slices = {name: column.to_pylist() for name, column in self._test.slices.items()}
        examples = {name: read_test(self._examples[name]) for name in names}
        folds = self._tested.numbers() if self.folds > 1 else None
        return Rows(self._tested.labels(), self.groups, slices, examples, folds)

    def contender(self, name: str, family: str, cost: float) -> Contender:
        """Returns a candidate with what validation says of it."""
        after = read_validation(self._examples[name], self._own_schemas[name])
        return Contender(name, family, cost, [expected.losses(after) for expected in self._expected])


def check_limits(config: Config, tested: Pooled, groups: Groups | None) -> list[tuple[Limit, Sizes]]:
    """Refuses limits that the data has no place for, before anything is trained.

    Args:
        config: The config.
        tested: The test rows.
        groups: The group of each, ``(n,)``; None: each is its own.

    Returns:
        Those that are about more than the task's own metric, with the sizes of the test rows that each is
        about; none, where there are no others.

    Raises:
        ConfigError: If a metric does not judge the task, or has no such class.
        DataError: If no test row is of a class, or slices cannot be made.
        ModelError: If a function cannot be imported.
    """
    if config.budget.needs_answers:
        split = split_of_tested(tested, config.budget.columns, groups)
        all_demands = demands(config.budget, split)
        return [
            (demand.limit, _sizes(demand, split))
            for demand in all_demands
            if not demand.is_headline or demand.part
        ]
    return []


def _sizes(demand: Demand, split: Split) -> Sizes:
    rows = demand.rows(split)
    return Sizes.of(len(rows), None if split.groups is None else split.groups[rows])


def split_of(
    data: Dataset,
    name: str,
    columns: Sequence[str],
    groups: Groups | None,
    count: int | None = None,
) -> Split:
    """Returns what limits have to know of a split's rows.

    Args:
        data: The dataset, of which the split is there.
        name: Validation or test.
        columns: Those that slices are made by.
        groups: The group of each row, ``(n,)``; None: each is its own.
        count: How many rows there are, if the dataset need not say.
    """
    table = data.slices(name, columns) if columns else None
    slices = {column: table[column].combine_chunks() for column in columns} if table is not None else {}
    rows, schema = data.rows[name] if count is None else count, data.schema
    return Split(
        schema.task,
        schema,
        rows,
        lambda: data.labels(name),
        slices,
        groups,
        notations=schema.notations,
    )


def split_of_tested(tested: Pooled, columns: Sequence[str], groups: Groups | None) -> Split:
    """Returns what limits have to know of the test rows; arguments as for ``split_of``."""
    table = tested.slices(columns) if columns else None
    slices = {column: table[column].combine_chunks() for column in columns} if table is not None else {}
    schema = tested.schema
    return Split(
        schema.task,
        schema,
        len(tested),
        tested.labels,
        slices,
        groups,
        folds=len(tested.folds),
        notations=schema.notations,
    )


def prove(judge: Judge, finalists: Mapping[str, Finalist], config: Config) -> Proof:
    """Returns what is proven of the candidates.

    Args:
        judge: The limits.
        finalists: What the budget judges of each candidate.
        config: The config.
    """
    limits = config.budget
    rule = choice.prove if limits.proof == "required" else choice.estimate
    contenders = list(_contenders(judge, finalists, config))
    alone = judge.tests(BASELINE, limits.confidence)
    baseline = choice.test_of(BASELINE, limits.confidence, alone) if alone else None
    return rule(contenders, judge.stakes, judge.examples, limits.confidence, judge.tests, baseline)


def reasons(
    judge: Judge, proof: Proof, finalists: Mapping[str, Finalist], config: Config
) -> dict[str, list[str]]:
    """Returns why each candidate may not be shipped, in words; nothing where it may."""
    tests, limits = {test.candidate: test for test in proof.tested}, config.budget
    named = {limit.name: limit for limit in proof.limits}
    because = {}
    for name, finalist in finalists.items():
        costs = budget.over_costs(finalist, limits)
        test = tests.get(name)
        if test is not None and not test.passed:
            broken = [
                budget.unproven(named[limit_test.limit], limit_test, judge.examples, judge.task)
                for limit_test in test.broken
            ]
            because[name] = [*broken, *costs]
        elif test is None and name != BASELINE and not costs:
            no_gain = budget.no_gain(finalist, finalists[BASELINE], limits)
            because[name] = [proof.not_tested.get(name, no_gain)]
        else:
            because[name] = costs
    return because


def _contenders(judge: Judge, finalists: Mapping[str, Finalist], config: Config) -> Iterator[Contender]:
    """Yields who keeps the limits of latency and size, and costs less than what ships otherwise."""
    baseline, limits = finalists[BASELINE], config.budget
    costs = {
        name: budget.relative_cost(finalist, baseline, limits)
        for name, finalist in finalists.items()
        if name != BASELINE and not budget.over_costs(finalist, limits)
    }
    # Where the baseline breaks a limit itself, there is nothing else to ship, and any cost may be a gain.
    most = max(costs.values(), default=0.0) * 1.01 if budget.over_costs(baseline, limits) else 1.0
    for name, cost in costs.items():
        if cost < most:
            yield judge.contender(name, config.candidates()[name].branch.id, cost / max(most, 1.0))
