"""A class a pixel, through a run's own stages: from images and masks to masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shapes import CLASSES, mask_of, write_shapes
from stages.deployed import deployed, prepared
from stages.home import Home

from trimtab.artifacts import selection as selections
from trimtab.artifacts.selection import Selection
from trimtab.config.config import Config
from trimtab.deploy.answered_files import written
from trimtab.deploy.predict import predict
from trimtab.deploy.serving.tensors import metadata
from trimtab.report.tensorboard.overlays import MOST, write_overlays
from trimtab.tasks.segmentation import TASK

SIDE, COUNT = 16, 160


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes"), COUNT, SIDE)


@pytest.fixture(scope="module")
def home(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Returns a run that has deployed what it made of a U-Net."""
    home = Home(tmp_path_factory.mktemp("runs") / "runs")
    config = Config.model_validate(
        {
            "data": {"train": str(folder), "masks": {"classes": CLASSES}, "workers": 1},
            "model": {"architecture": "unet", "params": {"levels": 1, "filters": 8, "dropout": 0.0}},
            "train": {"epochs": 6, "batch_size": 8, "learning_rate": 0.02},
            "recipes": ["int8"],
            "budget": {
                "max_accuracy_drop": 0.3,
                "per_class": {"metric": "iou", "max_drop": 0.9},
                "objective": "size",
            },
            "deploy": {"target": str(home.output / "deployed")},
        }
    )
    prepared(home, config)
    deployed(home)
    return home


@pytest.fixture(scope="module")
def selection(home: Home) -> Selection:
    return selections.read(home.run)[1]


def test_it_is_trained_quantized_judged_and_deployed(selection: Selection) -> None:
    values = [each.metrics["mean_iou"] for each in selection.candidates if each.metrics]
    assert len(values) == 2
    assert min(values) > 0.6
    assert selection.chosen != "none--none"
    assert [limit.name for limit in selection.proof.limits] == ["mean IoU", *(f"IoU of {c}" for c in CLASSES)]
    assert not selection.proof.proven  # of some thirty images


def test_a_class_is_counted_by_image_and_its_pixels_by_class(selection: Selection) -> None:
    baseline = next(each for each in selection.candidates if each.id == "none--none")
    bar, block = (baseline.per_class[name] for name in ("bar", "block"))
    assert block.examples < bar.examples
    assert bar.iou == pytest.approx(bar.f1 / (2 - bar.f1))
    assert sum(map(sum, baseline.confusion)) == SIDE * SIDE * bar.examples


def test_images_become_masks_of_the_same_names(home: Home, folder: Path, tmp_path: Path) -> None:
    answers = list(written(predict(str(home.output / "deployed"), str(folder / "images")), str(tmp_path)))
    assert [answer["mask"] for answer in answers] == [f"{place:04}.png" for place in range(COUNT)]
    masks = [np.asarray(Image.open(tmp_path / answer["mask"])) for answer in answers]
    right = [np.mean(mask == mask_of(folder, place)) for place, mask in enumerate(masks)]
    assert np.mean(right) > 0.9
    assert answers[3]["shares"]["block"] == pytest.approx(float(np.mean(masks[3] == 2)))


def test_a_tensor_has_a_probability_of_each_pixel_s_classes(home: Home) -> None:
    (told,) = metadata(home.data().schema, "m", 1, "p")["outputs"]
    assert told["shape"] == [-1, SIDE * SIDE * len(CLASSES)]


def test_what_is_told_worst_is_shown_with_its_mask(home: Home, tmp_path: Path) -> None:
    data = home.data()
    labels = data.labels("test")
    view = TASK.judging.view(labels.astype(np.float32), labels, data.schema, data.schema)

    class Tested:
        folds, schema = (data,), data.schema

        def labels(self) -> np.ndarray:
            return labels

    write_overlays(tmp_path, labels.astype(np.float32), view, Tested())
    assert next(tmp_path.iterdir()).stat().st_size > MOST * SIDE * SIDE
