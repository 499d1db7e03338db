"""Whether the test rows can prove what the budget asks for: said, and refused, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.artifacts.proof import Limit, Reach
from trimtab.config.config import Config
from trimtab.errors import TooFewRowsError
from trimtab.evaluate import reach as rule
from trimtab.evaluate.limits import headline_limit
from trimtab.evaluate.spending import confidence
from trimtab.report.words import reach as words


def known(
    config: Config,
    task: str,
    test_rows: int,
    decisions: int = 0,
    others: Sequence[tuple[Limit, int]] = (),
) -> list[Reach]:
    """Returns what the test rows can prove at best; nothing where no limit can say so beforehand.

    Rows that belong together are fewer than they seem, by as much as their answers will be alike.

    Args:
        config: The config.
        task: What the label means.
        test_rows: How many there are.
        decisions: How often they have decided before, which has its price by ``proof.reuse: spend``.
        others: Limits beside the task's own, with how many test rows each is about.
    """
    if config.data.group_by is not None or not test_rows:
        return []
    limit = headline_limit(config.budget, task)
    sure = config.budget.confidence
    if config.proof.reuse == "spend":
        sure = confidence(sure, decisions + 1)
    found = rule.reach([limit] if limit else [], test_rows, sure)
    for other, rows in others:
        found += [one.model_copy(update={"name": other.name}) for one in rule.reach([other], rows, sure)]
    return found


def check(found: list[Reach], config: Config) -> None:
    """Refuses a budget that no candidate can meet on these rows.

    A run whose only candidate is the baseline proves nothing, and one that asks for no proof needs none.

    Args:
        found: What the rows can prove at best.
        config: The config.

    Raises:
        TooFewRowsError: If a limit is out of reach.
    """
    short = [reach for reach in found if not reach.is_enough]
    if not short or config.budget.proof != "required" or len(config.candidates()) == 1:
        return
    worst = max(short, key=lambda reach: reach.least)
    raise TooFewRowsError(
        "no candidate can meet the budget on these rows: " + "; ".join(words.sentence(one) for one in short),
        path=config.data.test or config.data.train,
        field="budget",
        hint="Give more test rows (data.test, data.split.test), allow a larger drop "
        f"({words.wider(worst)} or more), or ask for an estimate in the place of a proof "
        "(budget.proof: estimate).",
    )
