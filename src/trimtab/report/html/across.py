"""Runs side by side as one HTML file, in the style of the report."""

from __future__ import annotations

from collections.abc import Sequence

import trimtab
from trimtab.report.across import HEADINGS, TEXTS, Across, RunOutcome, cells
from trimtab.report.html.environment import environment
from trimtab.report.html.rows import Cell
from trimtab.report.result import Result

TEMPLATE = "across.html.j2"


def render(results: Sequence[Result], across: Across) -> str:
    """Returns runs side by side as one HTML file.

    Args:
        results: Their outcomes.
        across: The same side by side.
    """
    rows = [(run, _cells(run)) for run in across.runs]
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            rows=rows,
            headings=HEADINGS,
            texts=TEXTS,
            found=across,
            verdicts=[(result.run_id, result.verdict) for result in results],
            version=trimtab.__version__,
        )
    )


def _cells(run: RunOutcome) -> list[Cell]:
    """Returns the cells of a run, with what each is sorted by."""
    quality = run.quality.value if run.quality else None
    numbers = (quality, run.loss_at_most, run.size_bytes, run.latency_ms, run.speedup, run.seconds)
    texts = cells(run)
    return [
        *(Cell(text, text) for text in texts[: -len(numbers)]),
        *(Cell(text, value) for text, value in zip(texts[-len(numbers) :], numbers, strict=True)),
    ]
