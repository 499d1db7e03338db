from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import precision_score, recall_score
from tensorboard.util.tensor_util import make_ndarray

from trimtab.report.tensorboard.pr_curves import THRESHOLDS, pr_curve_pb, write_pr_curves
from trimtab.tasks.metrics.base import View


def test_each_threshold_has_the_precision_and_the_recall_that_scikit_learn_finds() -> None:
    rng = np.random.default_rng(0)
    is_one = rng.random(300) < 0.3
    scores = np.clip(rng.normal(0.4 + 0.2 * is_one, 0.2), 0, 1)
    curve = make_ndarray(pr_curve_pb("pr/a", is_one, scores).value[0].tensor)
    assert curve.shape == (6, THRESHOLDS)
    for place in (10, 40, 55):
        told = scores >= place / (THRESHOLDS - 1)
        assert curve[:4, place].tolist() == [
            (told & is_one).sum(), (told & ~is_one).sum(), (~told & ~is_one).sum(), (~told & is_one).sum()
        ]  # fmt: skip
        np.testing.assert_allclose(curve[4, place], precision_score(is_one, told))
        np.testing.assert_allclose(curve[5, place], recall_score(is_one, told))


def test_each_class_that_test_rows_have_gets_one(tmp_path: Path, shown: Callable[[Path], Any]) -> None:
    view = View(np.array([0, 1, 0]), np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.6, 0.4, 0]]))
    write_pr_curves(tmp_path / "classes", "classes", view, ["a", "b", "absent"])
    view = View(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.9, 0.1], [0.2, 0.3]]))
    write_pr_curves(tmp_path / "labels", "labels", view, ["x", "never"])
    view = View(np.array([0.0, 1.0, 0.0]), np.array([3.0, 90.0, 5.0]))
    write_pr_curves(tmp_path / "scores", "scores", view, [])
    write_pr_curves(tmp_path / "numbers", "numbers", View(np.ones(3), np.ones(3)), [])
    assert shown(tmp_path) == {
        "classes": {"pr_curves": ["pr/a", "pr/b"]},
        "labels": {"pr_curves": ["pr/x"]},
        "scores": {"pr_curves": ["pr/anomaly"]},
    }
