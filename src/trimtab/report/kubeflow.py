"""What KFP's own UI can draw: scalar metrics, a confusion matrix and a ROC curve."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import Evaluation
from trimtab.artifacts.selection import CandidateResult
from trimtab.report.result import Result
from trimtab.report.words.verdict import find_candidate
from trimtab.tasks.metrics.base import Form, View

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


MOST_POINTS = 100
"""Of a curve."""


def evaluation_metrics(evaluations: Mapping[str, Evaluation]) -> dict[str, float]:
    """Returns numbers of candidates, under names that are the same in every run.

    Args:
        evaluations: By the candidates' ids.
    """
    metrics = {}
    for name, evaluation in evaluations.items():
        metrics[f"{name} {evaluation.headline.metric}"] = evaluation.metrics[evaluation.headline.metric]
        metrics[f"{name} size_bytes"] = float(evaluation.size_bytes)
    return metrics


def classification_metadata(
    evaluation: Evaluation, form: Form, view: View, classes: Sequence[str]
) -> dict[str, Any]:
    """Returns the metadata of a `ClassificationMetrics`, as its methods would make them.

    Args:
        evaluation: Of a candidate.
        form: The form of its task.
        view: The labels and its answers, in that form.
        classes: The names of the classes, in order.

    Returns:
        ``confusionMatrix``, unless there is none, or one of too many classes; ``confidenceMetrics``, unless
        nothing is to be found.
    """
    metadata: dict[str, Any] = {}
    if 0 < len(evaluation.confusion) <= MAX_CLASSES:
        names = [{"displayName": name} for name in classes]
        rows = [{"row": row} for row in evaluation.confusion]
        metadata["confusionMatrix"] = {"annotationSpecs": names, "rows": rows}
    if points := list(_roc(*_ranked(form, view))):
        metadata["confidenceMetrics"] = points
    return metadata


def _ranked(form: Form, view: View) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Returns what is to be found, and how sure the model is of it: of several classes, all in one."""
    if form == "scores":
        return np.asarray(view.labels > 0), view.answers
    if form == "labels":
        known = view.labels.shape[1]
        return np.asarray(view.labels > 0).ravel(), view.answers[:, :known].ravel()
    if form == "classes":
        is_one = view.labels[:, None] == np.arange(view.answers.shape[1])
        only = slice(1, 2) if view.answers.shape[1] == 2 else slice(None)
        return is_one[:, only].ravel(), view.answers[:, only].ravel()
    return np.empty(0, np.bool_), np.empty(0)


def _roc(is_one: NDArray[np.bool_], scores: NDArray[np.float64]) -> Iterator[dict[str, float]]:
    """Yields points of the curve, from the highest threshold to the lowest."""
    ones, others = int(is_one.sum()), int((~is_one).sum())
    if not ones or not others:
        return
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    if len(ends) > MOST_POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, MOST_POINTS).astype(np.intp)]
    true_positives = np.cumsum(is_one[order])
    for end in ends:
        yield {
            "confidenceThreshold": float(scores[order[end]]),
            "recall": float(true_positives[end] / ones),
            "falsePositiveRate": float((end + 1 - true_positives[end]) / others),
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
