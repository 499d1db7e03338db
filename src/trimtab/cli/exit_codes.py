"""The exit code of a run, wherever it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.report.result import Result

_BY_STATUS = {"deployed": 0, "up_to_date": 0, "champion_kept": 3, "over_budget": 3, "failed": 1}


def exit_code(result: Result) -> int:
    """Returns 0: deployed, or nothing new; 3: all ran, nothing was deployed; else that of the first error."""
    return result.errors[0].exit_code if result.errors else _BY_STATUS[result.status]
