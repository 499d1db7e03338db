"""The exit code of a run, wherever it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.report.result import Result, Status

_BY_STATUS: dict[Status, int] = {
    "deployed": 0,
    "up_to_date": 0,
    "champion_kept": 3,
    "over_budget": 3,
    "baseline_deployed": 5,
    "failed": 1,
}


def exit_code(result: Result) -> int:
    """Returns the exit code.

    0: deployed, or nothing new. 3: all ran, and nothing was deployed. 5: the baseline was, as no other
    candidate met the budget. Else that of the first error.
    """
    return result.errors[0].exit_code if result.errors else _BY_STATUS[result.status]
