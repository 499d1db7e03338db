from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from trimtab.registry import METRICS
from trimtab.tasks.metrics.registry import metric

CLASSES = ["a", "b", "c"]


@dataclass(frozen=True)
class At:
    precision: float = 0.6


@dataclass(frozen=True)
class Asked:
    class_name: str | None = None
    at: At | None = None
    k: int | None = None
    quantile: float | None = None
    relevant_from: float | None = None


def classes(n=400, seed=0):
    """Returns labels of three classes, and probabilities with many ties."""
    random = np.random.default_rng(seed)
    labels = random.integers(3, size=n)
    answers = random.dirichlet([1, 1, 1], n) + 0.5 * (np.arange(3) == labels[:, None])
    return labels, np.round(answers / answers.sum(axis=1, keepdims=True), 2)


def several(n=400, seed=0):
    random = np.random.default_rng(seed)
    labels = (random.random((n, 3)) < [0.5, 0.2, 0.05]).astype(np.int64)
    return labels, np.round(np.clip(0.5 * labels + random.random((n, 3)) * 0.6, 0, 1), 2)


def scores(n=400, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(2, size=n)
    return labels, np.round(labels + random.normal(size=n), 1)


def numbers(n=400, seed=0):
    random = np.random.default_rng(seed)
    labels = random.normal(size=n)
    return labels, labels + random.normal(size=n)


def masks(n=400, seed=0):
    """Returns pixels of three classes by image; of the last, few images have any."""
    random = np.random.default_rng(seed)
    truly = random.integers(0, 9, (n, 3)) * (random.random((n, 3)) < [1, 0.5, 0.05])
    hits = random.integers(0, truly + 1)
    return truly, np.concatenate([hits, hits + random.integers(0, 4, (n, 3))], axis=1)


DRAWN = {"classes": classes, "labels": several, "scores": scores, "numbers": numbers, "masks": masks}
NAMED = ("classes", "labels", "masks")
ASKED = [Asked(), Asked("b"), Asked("c", at=At())]


def measures():
    for name in METRICS:
        for form in sorted(metric(name).forms):
            for asked in ASKED:
                if (asked.at and name != "recall") or (asked.class_name and form not in NAMED):
                    continue
                try:
                    made = metric(name).make(asked, CLASSES if form in NAMED else [])
                except (ValueError, AssertionError):
                    continue
                if made.without is not None:
                    yield pytest.param(made, form, id=f"{made.name}-{form}")


@pytest.mark.parametrize(("measure", "form"), measures())
@pytest.mark.parametrize("blocks", [7, 100])
def test_every_part_left_out_at_once_is_each_left_out_alone(measure, form, blocks):
    labels, answers = DRAWN[form]()
    block = np.random.default_rng(1).permutation(len(labels)) % blocks
    alone = [measure.value(labels[block != each], answers[block != each]) for each in range(blocks)]
    found = measure.without(labels, answers, block, blocks)
    assert found == pytest.approx(alone, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(("measure", "form"), measures())
def test_a_class_that_only_one_part_has_is_missing_without_it(measure, form):
    labels, answers = DRAWN[form](60)
    block = np.arange(60) % 3
    labels = np.where(block[(...,) + (None,) * (labels.ndim - 1)] == 0, labels, 0)
    alone = [measure.value(labels[block != each], answers[block != each]) for each in range(3)]
    assert measure.without(labels, answers, block, 3) == pytest.approx(alone, abs=1e-12, nan_ok=True)


def test_all_metrics_of_ranks_and_counts_have_a_short_way():
    found = {each.values[0].name for each in measures()}
    assert {"macro F1", "micro F1", "balanced accuracy", "mean ROC AUC", "average precision of b"} <= found
    assert {"recall of c at a precision of 0.6", "precision of b", "expected calibration error"} <= found
    assert {"mean IoU", "IoU of b", "pixel accuracy"} <= found
