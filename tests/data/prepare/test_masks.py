"""Pictures with masks or with numbers for labels: what becomes of them, and what is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.prepare.tables import Prepare
from PIL import Image
from shapes import CLASSES, mask_of, write_shapes

from trimtab.config.data import Data
from trimtab.data.prepare.prepare import prepare
from trimtab.errors import DataError

COUNT, SIDE = 80, 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_shapes(tmp_path / "shapes", COUNT, SIDE)


def test_a_mask_is_a_class_for_each_pixel(folder: Path, prepared: Prepare) -> None:
    data, summary = prepared("masks", train=str(folder), masks={"classes": CLASSES})
    assert (data.schema.task, data.schema.classes) == ("segmentation", CLASSES)
    assert data.schema.outputs == SIDE * SIDE * 3
    labels = np.concatenate([data.labels(split) for split in ("train", "validation", "test")])
    assert labels.shape == (COUNT, SIDE * SIDE)
    expected = np.sort([np.sum(mask_of(folder, place) == 1) for place in range(COUNT)])
    np.testing.assert_array_equal(np.sort((labels == 1).sum(axis=1)), expected)
    images = {name: sum(counts[name] for counts in summary.class_counts.values()) for name in CLASSES}
    assert images == {"ground": COUNT, "bar": COUNT, "block": COUNT // 2}


def test_masks_are_resized_with_their_images_and_keep_their_classes(folder: Path, prepared: Prepare) -> None:
    data, _ = prepared(
        "small", train=str(folder), masks={}, image={"height": 6, "width": 8}, split={"test": 0.3}
    )
    assert data.schema.classes == ["0", "1", "2"]
    labels = data.labels("train")
    assert labels.shape[1] == 48
    assert set(np.unique(labels)) == {0, 1, 2}


def test_a_model_of_masks_in_another_size_is_not_asked(
    folder: Path, tmp_path: Path, prepared: Prepare
) -> None:
    settings: dict[str, Any] = {"train": str(folder), "masks": {"classes": CLASSES}, "workers": 1}
    small, _ = prepared("small", **settings, image={"height": 6, "width": 8})
    same, _ = prepared("same", **settings)
    for place, (schema, is_asked) in enumerate([(small.schema, False), (same.schema, True)]):
        (tmp_path / f"asked {place}").mkdir()
        made = prepare(Data(**settings), seed=0, directory=tmp_path / f"asked {place}", other=schema)
        assert made.champion_rows == is_asked


def test_another_mask_is_another_content(folder: Path, prepared: Prepare) -> None:
    before = prepared("before", train=str(folder), masks={"classes": CLASSES})[1].content
    mask = mask_of(folder, 0).copy()
    mask[0, 0] = 1 - mask[0, 0]
    Image.fromarray(mask).save(folder / "masks/0000.png")
    assert prepared("after", train=str(folder), masks={"classes": CLASSES})[1].content != before


def test_masks_of_one_class_say_how_they_may_be_meant(folder: Path, prepared: Prepare) -> None:
    for place in range(COUNT):
        Image.fromarray((mask_of(folder, place) > 0).astype(np.uint8) * 255).save(
            folder / f"masks/{place:04}.png"
        )
    with pytest.raises(DataError, match=r"every pixel of the masks is 0[\s\S]*binary: true"):
        prepared("one", train=str(folder), masks={})
    assert prepared("two", train=str(folder), masks={"binary": True})[0].schema.classes == ["0", "1"]


def test_numbers_of_pictures_that_a_table_names_are_a_regression_of_images(
    folder: Path, prepared: Prepare
) -> None:
    numbers = np.random.default_rng(0).normal(50, 10, COUNT)
    rows = "".join(f"images/{place:04}.png,{number}\n" for place, number in enumerate(numbers))
    (folder / "rows.csv").write_text(f"picture,size\n{rows}")
    data, _ = prepared(
        "numbers", train=str(folder / "rows.csv"), label="size", inputs={"picture": {"files": "picture"}}
    )
    assert (data.schema.task, data.schema.outputs) == ("regression", 1)
    assert (data.schema.input.kind, data.schema.input.shape) == ("image", (SIDE, SIDE, 3))
    found = np.concatenate([data.labels(split) for split in ("train", "validation", "test")])
    in_unit = found * data.schema.label_std + data.schema.label_mean
    np.testing.assert_allclose(np.sort(in_unit), np.sort(numbers), rtol=1e-5)
