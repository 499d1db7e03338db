"""Masks are judged by image: what each adds to the mean IoU, and how a loss of it is bounded."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from trimtab.artifacts.evaluation import Examples
from trimtab.config.budget import Budget
from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.evaluate.demands import demands
from trimtab.evaluate.limits import Split
from trimtab.tasks.masks import IGNORED
from trimtab.tasks.metrics.overlap import influences
from trimtab.tasks.segmentation import TASK

PIXELS, IMAGES = 16, 600
JUDGING = TASK.judging


def schema(*classes: str) -> DatasetSchema:
    spec = TensorSpec(kind="image", shape=(4, 4, 1), stored_dtype="uint8")
    return DatasetSchema(
        task="segmentation", label="mask", classes=list(classes), columns=[], input=spec, preprocessing={}
    )


GROUND = schema("ground", "disc", "square")


def drawn(wrong: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns masks of so many images, and what a model tells of them."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (IMAGES, PIXELS)).astype(np.uint8)
    flipped = np.random.default_rng(seed).random(labels.shape) < wrong
    told = np.where(flipped, (labels + 1) % 3, labels).astype(np.float32)
    labels[random.random(labels.shape) < 0.1] = IGNORED
    return labels, told


def test_it_is_the_mean_overlap_of_the_pixels_that_count() -> None:
    labels, told = drawn(0.2)
    quality = JUDGING.quality(told, labels, GROUND)
    counted = labels != IGNORED
    ious = jaccard_score(labels[counted], told[counted], average=None)
    assert quality.metrics["mean_iou"] == pytest.approx(ious.mean())
    assert [entry.iou for entry in quality.per_class.values()] == pytest.approx(ious.tolist())
    assert np.sum(quality.confusion) == counted.sum()
    assert quality.scores.mean() == pytest.approx(ious.mean(), rel=1e-6)


def test_an_image_adds_what_the_mean_iou_is_without_it() -> None:
    view = JUDGING.view(*drawn(0.2)[::-1], GROUND, GROUND)
    added = influences(view.labels, view.answers)
    without = np.array(
        [
            influences(*(np.delete(each, i, 0) for each in (view.labels, view.answers))).mean()
            for i in range(40)
        ]
    )
    by_leaving_out = IMAGES * added.mean() - (IMAGES - 1) * without
    np.testing.assert_allclose(added[:40], by_leaving_out, atol=2e-3)


def test_a_class_that_only_the_model_knows_is_always_wrong() -> None:
    labels = np.zeros((2, PIXELS), np.uint8)
    told = np.zeros((2, PIXELS), np.float32)
    told[:, :4] = 1
    view = JUDGING.view(told, labels, schema("ground", "disc"), schema("ground", "cloud"))
    np.testing.assert_array_equal(view.answers, [[12, 0, 12, 0]] * 2)


def test_the_likeliest_class_is_told_and_nothing_of_what_is_no_number() -> None:
    outputs = np.random.default_rng(0).random((2, PIXELS * 3)).astype(np.float32)
    outputs[1, 5] = np.nan
    told = JUDGING.answers(np.zeros((2, 4, 4, 1)), outputs)
    np.testing.assert_array_equal(told[0], outputs[0].reshape(PIXELS, 3).argmax(axis=1))
    assert np.isnan(told[1]).all()


@pytest.mark.parametrize(
    "budget", [{"max_accuracy_drop": 0.05}, {"limits": [{"metric": "mean_iou", "max_drop": 0.05}]}]
)
def test_a_loss_is_bounded_with_images_for_units(budget: dict[str, object]) -> None:
    labels, before = drawn(0.1)
    after = drawn(0.12, seed=1)[1]
    groups = np.arange(IMAGES) // 2
    bounds = []
    for unit in (None, groups):
        split = Split("segmentation", GROUND, IMAGES, lambda: labels, groups=unit)
        (demand,) = demands(Budget.model_validate(budget), split)
        examples = [Examples(JUDGING.scores(told, labels, GROUND, GROUND), told) for told in (before, after)]
        bounds.append(demand.test(split, *examples, 0.95))
    values = [JUDGING.quality(told, labels, GROUND).metrics["mean_iou"] for told in (before, after)]
    assert bounds[0].loss == pytest.approx(values[0] - values[1], abs=1e-6)
    assert bounds[0].loss < bounds[0].upper_bound < bounds[0].loss + 0.02
    assert bounds[0].method == "paired jackknife of blocks, corrected for skewness"
    assert bounds[0].proven
    assert bounds[1].method == "jackknife of whole groups, corrected for skewness"


def test_a_class_that_few_images_have_is_no_proof() -> None:
    labels, told = drawn(0.1)
    labels[40:][labels[40:] == 2] = 0
    split = Split("segmentation", GROUND, IMAGES, lambda: labels)
    budget = {"per_class": {"metric": "iou", "max_drop": 0.5}}
    tests = [
        d.test(split, *[Examples(np.zeros(IMAGES), told)] * 2, 0.95)
        for d in demands(Budget.model_validate(budget), split)
    ]
    assert [(test.limit, test.proven) for test in tests] == [
        ("IoU of ground", True),
        ("IoU of disc", True),
        ("IoU of square", False),
    ]
    assert tests[2].why_not == "fewer than 150 examples of the rarest class"


def test_a_mask_is_answered_as_a_file_and_in_shares() -> None:
    (answer,) = TASK.words.answers(np.repeat([0, 0, 2, 1], 4)[None].astype(np.float32), GROUND)
    assert answer["shares"] == {"ground": 0.5, "disc": 0.25, "square": 0.25}
    assert answer["mask"]["b64"].startswith("iVBORw0KGgo")
