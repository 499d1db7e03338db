"""Precision and recall at every threshold, of each class, label, or of anomalies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.pr_curve import metadata
from tensorboard.util.tensor_util import make_tensor_proto

from trimtab.events import file
from trimtab.tasks.metrics.base import Form, View

THRESHOLDS, MOST_CLASSES = 101, 40


def write_pr_curves(directory: Path, form: Form, view: View, classes: Sequence[str]) -> None:
    """Writes a candidate's curves; of numbers there are none.

    Args:
        directory: The candidate's.
        form: The form of its task.
        view: The labels and its answers on the test split, in that form.
        classes: The names of the classes or labels, in order; of many, the first are shown.
    """
    curves = [
        (pr_curve_pb(f"pr/{name}", is_one, scores), 0, None)
        for name, is_one, scores in _of_each(form, view, classes)
        if 0 < is_one.sum() < len(is_one)
    ]
    if curves:
        file.write(directory, curves)


def pr_curve_pb(tag: str, is_one: NDArray[np.bool_], scores: NDArray[np.float64]) -> Summary:
    """Returns the summary of one curve.

    Args:
        tag: What it is called.
        is_one: Which examples are to be found, ``(n,)``.
        scores: How sure the model is of each, from 0 to 1, ``(n,)``.
    """
    bins = np.clip(np.floor(scores * (THRESHOLDS - 1)), 0, THRESHOLDS - 1).astype(np.intp)
    true, false = (
        np.bincount(bins[which], minlength=THRESHOLDS)[::-1].cumsum()[::-1] for which in (is_one, ~is_one)
    )
    missed, rejected = true[0] - true, false[0] - false
    precision = true / np.maximum(true + false, 1)
    recall = true / max(int(true[0]), 1)
    data = np.stack([true, false, rejected, missed, precision, recall]).astype(np.float32)
    about = metadata.create_summary_metadata(tag, "", THRESHOLDS)
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=make_tensor_proto(data))])


def _of_each(
    form: Form, view: View, classes: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[Any]]]:
    if form == "scores":
        # Scores have no range of their own: their ranks have the same curve.
        ranks = np.argsort(np.argsort(view.answers)) / max(len(view.answers) - 1, 1)
        yield "anomaly", np.asarray(view.labels > 0), ranks
    elif form in ("classes", "labels"):
        for index, name in enumerate(classes[:MOST_CLASSES]):
            is_one = view.labels == index if form == "classes" else view.labels[:, index] > 0
            yield name, np.asarray(is_one), view.answers[:, index]
