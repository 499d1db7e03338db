from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from trimtab.config.data import Data
from trimtab.data.readers import csv, image_folder, npz, parquet, wav_folder
from trimtab.data.readers.registry import reader_for
from trimtab.errors import DataError

EXPECTED = {
    "csv": csv.CsvReader,
    "parquet": parquet.ParquetReader,
    "npz": npz.NpzReader,
    "image_folder": image_folder.ImageFolderReader,
    "image_zip": image_folder.ImageFolderReader,
    "wav_folder": wav_folder.WavFolderReader,
    "wav_zip": wav_folder.WavFolderReader,
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_formats_are_found_from_endings_and_content(name, written):
    source = str(written(name))
    assert type(reader_for(source, Data(train=source))) is EXPECTED[name]


def test_the_config_decides_where_it_names_a_format(tmp_path):
    path = tmp_path / "rows.data"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="cannot tell the format") as caught:
        reader_for(str(path), Data(train=str(path)))
    assert "image_folder" in caught.value.hint
    assert isinstance(reader_for(str(path), Data(train=str(path), format="csv")), csv.CsvReader)


@pytest.mark.parametrize("source", ["nothing.csv", "no/such/folder", "*.parquet", "missing.zip"])
def test_what_is_not_there_is_named(source):
    with pytest.raises(DataError, match=r"there is no such file|no file matches") as caught:
        reader_for(source, Data(train=source))
    assert caught.value.path == source


def test_unknown_schemes_and_data_sets_are_refused():
    with pytest.raises(DataError, match="expected a local path"):
        reader_for("ftp://bucket/rows.csv", Data(train="x"))
    with pytest.raises(DataError, match="no such data set") as caught:
        reader_for("sklearn://boston", Data(train="x")).partitions("sklearn://boston", Data(train="x"))
    assert "sklearn://digits" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "rows", "columns", "label"),
    [
        ("iris", 150, 5, "label"),
        ("wine", 178, 14, "label"),
        ("breast_cancer", 569, 31, "label"),
        ("diabetes", 442, 11, "target"),
        ("digits", 1797, 2, "label"),
    ],
)
def test_the_data_sets_of_scikit_learn(read, name, rows, columns, label):
    found = read(f"sklearn://{name}")
    assert len(found) == rows
    assert len(found[0]) == columns
    assert label in found[0]


def test_digits_are_png_images_over_the_full_range(read):
    row = read("sklearn://digits")[0]
    pixels = np.asarray(Image.open(io.BytesIO(row["image"])))
    assert pixels.shape == (8, 8)
    assert (pixels.min(), pixels.max()) == (0, 239)  # its darkest pixel is 15 of 16
    assert row["label"] == "0"


def test_real_data_is_read_whole(real_data, read):
    sizes = {"bank_marketing/data.csv": 45_211, "connect4/data.csv": 67_557, "sst2/train.csv": 6_920}
    for name, rows in {**sizes, "free_spoken_digits/test.zip": 300, "cifar10/test.parquet": 10_000}.items():
        assert len(read(real_data / name)) == rows
