"""Images: the same whatever they come in, and what is done with those that cannot be read."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data.prepare.tables import Prepare, rows
from PIL import Image

from trimtab.errors import DataError


def _png(value: int, size: int = 8) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(value).integers(0, 100, (size, size)).astype(np.uint8)
    Image.fromarray(noise + (value % 3) * 50).save(stream, "png")
    return stream.getvalue()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for value in range(240):
        folder = tmp_path / "images" / "abc"[value % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{value:03d}.png").write_bytes(_png(value))
    return tmp_path / "images"


def test_a_folder_a_zip_and_a_table_of_images_give_the_same(
    tmp_path: Path, images: Path, prepared: Prepare
) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for file in images.rglob("*.png"):
            archive.write(file, file.relative_to(images))
    files = sorted(images.rglob("*.png"))
    table = pa.table(
        {
            "image": [file.read_bytes() for file in files],
            "filename": [str(file) for file in files],
            "label": [file.parent.name for file in files],
        }
    )
    pq.write_table(table, tmp_path / "images.parquet")
    sources = [str(images), str(tmp_path / "images.zip"), str(tmp_path / "images.parquet")]
    found = [prepared(f"source {i}", train=source) for i, source in enumerate(sources)]
    assert found[0][0].schema.input.shape == (8, 8, 1)
    assert len({summary.content.fingerprint for _, summary in found}) == 1
    for split in ("train", "validation", "test"):
        assert rows(found[0][0], split) == rows(found[1][0], split) == rows(found[2][0], split)
    assert sum(found[0][1].class_counts["train"].values()) == found[0][1].rows["train"]


def test_images_that_show_something_in_their_transparency_alone_are_a_warning(
    tmp_path: Path, images: Path, prepared: Prepare
) -> None:
    drawn = tmp_path / "drawn"
    for file in sorted(images.rglob("*.png"))[::2]:
        alpha = Image.open(file)
        black = Image.new("L", alpha.size)
        (drawn / file.parent.name).mkdir(parents=True, exist_ok=True)
        Image.merge("LA", (black, alpha)).save(drawn / file.parent.name / file.name)
    about = [
        [text for text in prepared(source.name, train=str(source))[1].warnings if "transparency" in text]
        for source in (images, drawn)
    ]
    told = "image: what most images show is in their transparency alone, and all else is black: "
    assert about == [[], [f"{told}they are put on white"]]


def test_test_images_that_are_copies_of_others_are_a_warning(
    tmp_path: Path, images: Path, prepared: Prepare
) -> None:
    copied = tmp_path / "copied" / "images"
    shutil.copytree(images, copied)
    for file in images.rglob("*.png"):
        for name in ("second", "third", "fourth"):
            shutil.copy(file, copied / file.parent.name / f"{name}-{file.name}")
    about = [
        text
        for source in (images, copied)
        for text in prepared(source.parent.name, train=str(source))[1].warnings
        if "copies" in text
    ]
    (warning,) = about
    assert warning.startswith(
        "about 75% of the test rows are copies of others: the test counts an input once"
    )


def test_unreadable_files_stop_the_run_or_are_left_out_and_named(images: Path, prepared: Prepare) -> None:
    whole = (images / "a" / "000.png").read_bytes()
    (images / "a" / "000.png").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    (images / "b" / "001.png").write_bytes(flipped)
    with pytest.raises(DataError, match=r"000\.png|001\.png"):
        prepared(train=str(images))
    dataset, summary = prepared(train=str(images), max_bad_fraction=0.05)
    assert sum(dataset.rows.values()) == 238
    text = "\n".join(summary.warnings)
    assert "2 of 240 rows" in text
    assert "a/000.png" in text
    assert "b/001.png" in text
