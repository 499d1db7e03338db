"""Whether the test rows can prove what the budget asks for: said, and refused, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.artifacts.proof import Limit, Reach
from trimtab.config.config import Config
from trimtab.config.data import Data
from trimtab.errors import TooFewRowsError
from trimtab.evaluate import reach as rule
from trimtab.evaluate.bounds.proportions import Sizes
from trimtab.evaluate.demands import headline_limit
from trimtab.evaluate.spending import confidence
from trimtab.report.words import reach as words

FOLDS = 5
"""How many folds are recommended."""


@dataclass(frozen=True)
class Rows:
    """How many rows there are.

    Attributes:
        tested: The sizes of those that are tested, and of what belongs together among them.
        in_folds: How many folds would test; 0: there cannot be any, or there are.
        folds: How many test them; 1: there are none.
    """

    tested: Sizes
    in_folds: int = 0
    folds: int = 1


def in_folds(config: Config, rows: Mapping[str, int]) -> int:
    """Returns how many rows folds would test, 0 where the config leaves no place for them.

    A model that is brought trained is none that each fold could train without its rows.

    Args:
        config: The config.
        rows: By split.
    """
    data = config.data
    given = data.test is not None or data.split.by == "time"
    if given or data.normal is not None or data.labels or config.train.epochs == 0:
        return 0
    return shared_out(data, rows)


def shared_out(data: Data, rows: Mapping[str, int]) -> int:
    """Returns how many rows are shared out to splits, given those of each: of a given one, none are."""
    return sum(count for name, count in rows.items() if name != "validation" or data.validation is None)


def known(
    config: Config,
    task: str,
    rows: Rows,
    decisions: int = 0,
    others: Sequence[tuple[Limit, Sizes]] = (),
) -> list[Reach]:
    """Returns what the test rows can prove at best; nothing where no limit can say so beforehand.

    Args:
        config: The config.
        task: What the label means.
        rows: How many there are.
        decisions: How often they have decided before, which has its price by ``proof.reuse: spend``.
        others: Limits beside the task's own, with the sizes of the test rows that each is about.
    """
    if not rows.tested.examples:
        return []
    limit = headline_limit(config.budget, task)
    sure = config.budget.confidence
    if config.proof.reuse == "spend":
        sure = confidence(sure, decisions + 1)
    grouped = config.data.group_by is not None
    reaches = [
        _beside_folds(reach, limit, rows)
        for reach in rule.reach([limit] if limit else [], rows.tested, sure, rows.folds, grouped=grouped)
    ]
    for other, sizes in others:
        reaches += [
            reach.model_copy(update={"name": other.name})
            for reach in rule.reach([other], sizes, sure, rows.folds, grouped=grouped)
        ]
    return reaches


def _beside_folds(reach: Reach, limit: Limit | None, rows: Rows) -> Reach:
    """Returns what can be proven, where it is too little with what folds could."""
    if reach.is_enough or limit is None or not rows.in_folds:
        return reach
    everything = rows.tested.scaled(rows.in_folds)
    most = rule.reach([limit], everything, reach.confidence, FOLDS, grouped=reach.grouped)[0]
    return reach.model_copy(update={"folds": FOLDS, "in_folds": most.examples, "least_in_folds": most.least})


def check(reaches: list[Reach], config: Config) -> None:
    """Refuses a budget that no candidate can meet on these rows.

    A run whose only candidate is the baseline proves nothing, and one that asks for no proof needs none.

    Args:
        reaches: What the rows can prove at best.
        config: The config.

    Raises:
        TooFewRowsError: If a limit is out of reach.
    """
    short = [reach for reach in reaches if not reach.is_enough]
    is_alone = len(config.candidates()) == 1 and not config.is_searched
    if not short or config.budget.proof != "required" or is_alone:
        return
    worst = max(short, key=lambda reach: reach.least)
    raise TooFewRowsError(
        "no candidate can meet the budget on these rows: "
        + "; ".join(words.sentence(reach) for reach in short),
        path=config.data.given_test or config.data.train,
        field="budget",
        hint=f"Give more {_which(config, worst)}, allow a larger drop "
        f"({words.wider(worst)} or more), or ask for an estimate in the place of a proof "
        "(budget.proof: estimate).",
    )


def _which(config: Config, worst: Reach) -> str:
    """Returns which rows more are needed of, and what gives them."""
    if config.data.folds > 1:
        return "rows"
    return f"test rows (data.test, data.split.test{words.by_folds(worst)})"
