"""The outcome of a run on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from trimtab.report import numbers
from trimtab.report.result import CandidateResult, Result


def print_summary(result: Result, console: Console) -> None:
    """Prints every candidate, the one that was chosen and why, and where everything is.

    Args:
        result: The outcome of the run.
        console: Where to print; the table fits its width.
    """
    table = Table("candidate", "accuracy", "latency ms", "size KB")
    for candidate in result.candidates:
        table.add_row(*_row(candidate))
    console.print(table)
    console.print(result.verdict, markup=False)


def _row(candidate: CandidateResult) -> list[str]:
    latency = candidate.latency_ms.p50 if candidate.latency_ms else None
    return [
        candidate.id,
        numbers.percent(candidate.metrics.get("accuracy")),
        numbers.milliseconds(latency),
        numbers.kilobytes(candidate.size_bytes),
    ]
