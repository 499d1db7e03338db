"""What people are told when a run has ended."""

from __future__ import annotations

from trimtab.notify import Notice
from trimtab.report.result import Result

_WORDS = {
    "deployed": "deployed",
    "baseline_deployed": "the trained model itself was deployed",
    "up_to_date": "nothing new",
    "champion_kept": "the champion stays",
    "over_budget": "no candidate met the budget",
    "failed": "failed",
}


def notice(result: Result) -> Notice | None:
    """Returns what is told of a run's outcome; None where nothing happened and nothing has drifted.

    Args:
        result: The outcome of the run.
    """
    drifted = drifted_columns(result)
    if result.status == "up_to_date" and not drifted:
        return None
    name = str(result.config.get("name", result.run_id))
    drift = f"Drifted against the champion's training rows: {', '.join(drifted)}." if drifted else ""
    errors = [f"{error.stage}: {error.message}" for error in result.errors]
    report = f"Report: {result.report}" if result.report else ""
    lines = [result.verdict, result.why, drift, *errors, report]
    return Notice(
        subject=f"trimtab {name}: {_WORDS[result.status]}{', data drifted' if drifted else ''}",
        text="\n".join(line for line in lines if line),
        facts={
            "run_id": result.run_id,
            "name": name,
            "status": result.status,
            "deployed": result.deployed,
            "report": result.report,
            "drifted": drifted,
            "errors": [error.model_dump() for error in result.errors],
        },
    )


def drifted_columns(result: Result) -> list[str]:
    """Returns the columns whose values have drifted, each once."""
    drift = result.retrain.drift if result.retrain else None
    return list(dict.fromkeys(feature.name for feature in drift.drifted)) if drift else []
