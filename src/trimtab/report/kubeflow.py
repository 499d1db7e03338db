"""What KFP's own UI can draw: scalar metrics and one confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from trimtab.artifacts.selection import CandidateResult
from trimtab.report.result import Result
from trimtab.report.words.verdict import find_candidate

MAX_CLASSES = 100
"""The classes of the largest matrix that is shown: its cells travel as metadata, of 4 MB at most in all."""


def kubeflow_outputs(result: Result) -> dict[str, Any]:
    """Returns the outputs of the report component.

    Args:
        result: The outcome of the run.

    Returns:
        ``metrics``: finite numbers by name, prefixed ``baseline_`` and ``chosen_``. ``confusion``: ``labels``
        and ``matrix`` (rows true, columns predicted) of the chosen candidate, else of the baseline, or None
        where there is none, or one of too many classes.
    """
    chosen = find_candidate(result, result.chosen)
    metrics: dict[str, float] = {}
    for prefix, candidate in (("baseline", result.baseline), ("chosen", chosen)):
        if candidate is not None:
            metrics.update({f"{prefix}_{name}": value for name, value in scalars(candidate)})
    shown = chosen or result.baseline
    confusion = None
    if shown is not None and result.data is not None and 0 < len(shown.confusion) <= MAX_CLASSES:
        confusion = {"labels": result.data.classes, "matrix": shown.confusion}
    return {
        "metrics": {name: value for name, value in metrics.items() if math.isfinite(value)},
        "confusion": confusion,
    }


def scalars(candidate: CandidateResult) -> Iterator[tuple[str, float]]:
    """Yields what is known of a candidate in numbers, by name."""
    yield from candidate.metrics.items()
    if candidate.drop is not None:
        yield "drop_observed", candidate.drop.observed
        yield "drop_upper_bound", candidate.drop.upper_bound
    if candidate.latency_ms is not None:
        yield "latency_p50_ms", candidate.latency_ms.p50
        yield "latency_p99_ms", candidate.latency_ms.p99
    for name in ("size_bytes", "gzip_bytes", "parameters", "macs", "sparsity"):
        value = getattr(candidate, name)
        if value is not None:
            yield name, float(value)
