from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.pooled import Pooled
from trimtab.report.tensorboard.most_wrong import Mistake, most_wrong, rows_of, write_most_wrong
from trimtab.tasks.metrics.base import Form, View

PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]])


@pytest.mark.parametrize(
    ("form", "labels", "answers", "expected"),
    [
        (
            "classes", np.array([0, 1, 1, 0]), PROBABILITIES,
            [Mistake(1, "b", "says a (0.80)"), Mistake(3, "a", "says b (0.55)")],
        ),
        (
            "labels", np.array([[1.0, 0], [0, 0], [0, 1], [1, 1]]), PROBABILITIES,
            [Mistake(1, "none", "says a"), Mistake(3, "a b", "says b")],
        ),
        (
            "numbers", np.array([1.0, 2, 3, 4]), np.array([1.0, 5, 3.5, 4]),
            [Mistake(1, "2", "says 5"), Mistake(2, "3", "says 3.5")],
        ),
        (
            "scores", np.array([0.0, 0, 1, 1]), np.array([1.0, 9, 8, 20]),
            [Mistake(1, "normal", "score 9"), Mistake(2, "an anomaly", "score 8")],
        ),
    ],
)  # fmt: skip
def test_mistakes_the_worst_first(
    form: Form, labels: np.ndarray, answers: np.ndarray, expected: list[Mistake]
) -> None:
    assert most_wrong(form, View(labels, answers), ["a", "b"]) == expected


def test_images_are_shown_with_label_and_answer(
    digits_dataset: Path, tmp_path: Path, shown: Callable[[Path], Any]
) -> None:
    data = Pooled([Dataset.open(digits_dataset)])
    labels = data.labels()
    answers = np.eye(10)[labels]
    answers[3] = np.roll(answers[3], 1)
    write_most_wrong(tmp_path, "classes", View(labels, answers), data)
    assert shown(tmp_path) == {".": {"text": ["most_wrong/table"], "images": ["most_wrong/examples"]}}
    x, _ = data.first.arrays("test")
    for row, found in zip([200, 3], rows_of(data, [200, 3]), strict=True):
        np.testing.assert_array_equal(found, x[row])
    twice, count = Pooled([data.first, data.first]), len(x)
    for row, found in zip([count + 5, 7], rows_of(twice, [count + 5, 7]), strict=True):
        np.testing.assert_array_equal(found, x[row % count])


def test_a_model_without_mistakes_shows_that(
    digits_dataset: Path, tmp_path: Path, shown: Callable[[Path], Any]
) -> None:
    data = Pooled([Dataset.open(digits_dataset)])
    labels = data.labels()
    write_most_wrong(tmp_path, "classes", View(labels, np.eye(10)[labels]), data)
    assert shown(tmp_path) == {".": {"text": ["most_wrong/table"]}}
