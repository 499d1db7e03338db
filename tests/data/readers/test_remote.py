"""Sources in Cloud Storage are what the same files are here."""

import io

import numpy as np
import pytest
from PIL import Image

from trimtab.config.data import Data
from trimtab.data.prepare.content import fingerprint
from trimtab.data.prepare.prepare import prepare
from trimtab.errors import ConfigError, DataError

ROWS = "".join(f"{i * 0.37 % 5:.3f},{i % 7},{'yes' if i % 2 else 'no'}\n" for i in range(200))


def put(emulator, name, content):
    emulator.state.put("bucket", {"name": name}, content if isinstance(content, bytes) else content.encode())


def prepared(directory, **data):
    directory.mkdir()
    return prepare(Data(workers=1, **data), seed=0, directory=directory)


def test_the_same_rows_give_the_same_dataset(emulator, tmp_path):
    (tmp_path / "rows.csv").write_text(f"a,b,label\n{ROWS}")
    put(emulator, "data/rows.csv", f"a,b,label\n{ROWS}")
    put(emulator, "data/other.txt", "no table")
    here = prepared(tmp_path / "here", train=str(tmp_path / "rows.csv"))
    there = prepared(tmp_path / "there", train="gs://bucket/data/*.csv")
    assert (there.content, there.rows) == (here.content, here.rows)
    assert fingerprint(Data(workers=1, train="gs://bucket/data/*.csv")) == here.content
    shards = [sorted((tmp_path / name).rglob("*.tfrecord")) for name in ("here", "there")]
    assert [file.read_bytes() for file in shards[0]] == [file.read_bytes() for file in shards[1]]


@pytest.fixture
def pets(emulator):
    for index in range(60):
        stream = io.BytesIO()
        Image.fromarray(np.full((8, 8), index * 4, np.uint8)).save(stream, "png")
        put(emulator, f"pets/{'cats' if index % 2 else 'dogs'}/{index}.png", stream.getvalue())
    return "gs://bucket/pets"


def test_a_folder_of_images_has_the_classes_of_its_folders(pets, tmp_path):
    assert prepared(tmp_path / "out", train=pets).schema.classes == ["cats", "dogs"]


def test_what_is_wrong_is_named_by_its_uri(emulator, tmp_path):
    put(emulator, "data/rows.csv", f'a,b,label\n{ROWS}1,2,"no')
    with pytest.raises(DataError) as caught:
        prepared(tmp_path / "out", train="gs://bucket/data/rows.csv")
    assert (caught.value.path, caught.value.line) == ("gs://bucket/data/rows.csv", 202)


def test_rows_that_are_left_out_are_named_by_their_uri(pets, emulator, tmp_path):
    put(emulator, "pets/cats/broken.png", "no image")
    found = prepared(tmp_path / "out", train=pets, max_bad_fraction=0.1)
    (warning,) = [warning for warning in found.warnings if "cannot be used" in warning]
    assert "gs://bucket/pets: cats/broken.png: " in warning
    assert "/trimtab/" not in warning


def test_a_missing_object_or_bucket_is_named(emulator, tmp_path):
    with pytest.raises(DataError, match=r"gs://bucket/none\.csv: there is no object"):
        prepared(tmp_path / "a", train="gs://bucket/none.csv")
    with pytest.raises(ConfigError, match=r"gs://nowhere/rows\.csv.*no such bucket"):
        prepared(tmp_path / "b", train="gs://nowhere/rows.csv")
