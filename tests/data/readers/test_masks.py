"""Labels that are masks, in two folders or named by a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trimtab.config.data import Data
from trimtab.data.prepare.sources import checksums
from trimtab.errors import DataError
from trimtab.tasks import masks, several

SIDE = 6
Read = Callable[..., list[dict[str, Any]]]


def write(path: Path, values: np.ndarray, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8))
    if mode == "P":
        image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    (image if mode == "P" else image.convert(mode)).save(path)
    return path


def mask_of(place: int, scale: int = 1) -> np.ndarray:
    values = np.zeros((SIDE, SIDE), np.uint8)
    values[: place % SIDE] = min(scale * (1 + place % 2), 255)
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in range(70):
        write(tmp_path / f"images/{place:02}.jpg", np.full((SIDE, SIDE, 3), place), "RGB")
        write(tmp_path / f"masks/{place:02}.png", mask_of(place))
    return tmp_path


def classes(row: dict[str, Any]) -> list[str]:
    return several.parted(row["label"])


def pixels(row: dict[str, Any]) -> np.ndarray:
    return masks.decoded(row[masks.COLUMN], SIDE, SIDE)


def test_a_mask_is_found_by_its_image_s_name(folder: Path, read: Read) -> None:
    rows = read(folder, masks={"classes": ["ground", "disc", "square"]})
    assert [row["path"] for row in rows] == [f"images/{place:02}.jpg" for place in range(70)]
    assert [classes(row) for row in rows[:4]] == [
        ["ground"],
        ["ground", "square"],
        ["disc", "ground"],
        ["ground", "square"],
    ]
    np.testing.assert_array_equal(np.stack([pixels(row) for row in rows]), [mask_of(p) for p in range(70)])


def test_a_table_names_both(folder: Path, read: Read) -> None:
    table = folder / "rows.csv"
    table.write_text("photo,mask\n" + "".join(f"images/{p:02}.jpg,masks/{p:02}.png\n" for p in range(70)))
    settings: dict[str, Any] = {"masks": {}, "label": "mask", "inputs": {"image": {"files": "photo"}}}
    rows = read(table, **settings)
    np.testing.assert_array_equal(pixels(rows[5]), mask_of(5))
    assert rows[5]["photo"][:2] == b"\xff\xd8"
    named = checksums(Data(train=str(table), **settings))["train"]
    assert {"images/05.jpg", "masks/05.png"} <= named.keys()


@pytest.mark.parametrize(
    ("mode", "scale", "settings", "expected"),
    [
        ("P", 1, {}, lambda values: values),
        ("L", 127, {"binary": True}, lambda values: values > 0),
        ("1", 255, {"binary": True}, lambda values: values > 0),
        ("RGB", 1, {}, lambda values: values),
        ("L", 1, {"ignore": 2}, lambda values: np.where(values == 2, masks.IGNORED, values)),
    ],
)
def test_classes_are_palette_places_or_grey_levels(
    folder: Path, read: Read, mode: str, scale: int, settings: dict[str, Any], expected: Any
) -> None:
    for place in range(70):
        write(folder / f"masks/{place:02}.png", mask_of(place, scale), mode)
    rows = read(folder, masks=settings)
    for place in (1, 4, 5):
        np.testing.assert_array_equal(pixels(rows[place]), expected(mask_of(place)))


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        (np.zeros((SIDE, SIDE + 1)), {}, r"03.*mask has 7x6 pixels, its image 6x6"),
        (np.full((SIDE, SIDE), 3), {"classes": ["a", "b", "c"]}, r"03.*values from 0 to 2, found 3"),
        (np.arange(108).reshape(SIDE, SIDE, 3), {}, r"03.*one channel.*found colours"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(
    folder: Path, read: Read, values: np.ndarray, settings: dict[str, Any], message: str
) -> None:
    write(folder / "masks/03.png", values, "RGB" if values.ndim == 3 else "L")
    with pytest.raises(DataError, match=message):
        read(folder, masks=settings)


def test_a_damaged_mask_is_named(folder: Path, read: Read) -> None:
    (folder / "masks/03.png").write_bytes((folder / "masks/03.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"03.*no readable mask"):
        read(folder, masks={})


@pytest.mark.parametrize(
    ("gone", "what"), [("masks/03.png", "mask to images"), ("images/03.jpg", "image to masks")]
)
def test_what_stands_alone_is_named(folder: Path, read: Read, gone: str, what: str) -> None:
    (folder / gone).unlink()
    with pytest.raises(DataError, match=f"there is no {what}/03"):
        read(folder, masks={})


def test_a_mask_that_a_table_names_and_is_not_there_is_named(folder: Path, read: Read) -> None:
    (folder / "rows.csv").write_text("photo,mask\nimages/01.jpg,masks/nowhere.png\n")
    with pytest.raises(DataError, match=r"nowhere.*there is no mask"):
        read(folder / "rows.csv", masks={}, label="mask", inputs={"image": {"files": "photo"}})


def test_the_task_and_how_masks_are_written_go_together(folder: Path, read: Read) -> None:
    with pytest.raises(DataError, match=r"data\.masks[\s\S]*learns from masks[\s\S]*binary: true"):
        read(folder, task="segmentation")
    with pytest.raises(DataError, match=r"data\.masks[\s\S]*classification does not learn from masks"):
        read(folder, task="classification", masks={})
