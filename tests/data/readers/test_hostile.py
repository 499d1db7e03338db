"""Files that say more than they hold, hold more than anybody has room for, or are none: told at once."""

from __future__ import annotations

import io
import os
import resource
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimtab.config.data import Data
from trimtab.config.data_limits import DEFAULT, DataLimits
from trimtab.data.readers.files import walk
from trimtab.data.readers.registry import reader_for
from trimtab.errors import DataError

LABELS = np.arange(20) % 2


def npy(shape, descr="<f8", body=b"", *, fortran=False):
    """Returns an array in NumPy's format, whose header may lie."""
    header = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def labels():
    stream = io.BytesIO()
    np.save(stream, LABELS)
    return stream.getvalue()


@pytest.fixture
def archive(tmp_path):
    """Returns a function that writes an archive of arrays."""

    def write(method=zipfile.ZIP_DEFLATED, **arrays):
        path = tmp_path / "rows.npz"
        with zipfile.ZipFile(path, "w", method) as made:
            for name, content in arrays.items():
                made.writestr(f"{name}.npy", content)
        return path

    return write


@pytest.fixture
def refused(read):
    """Returns a function that returns why a source is refused, in little time and memory."""

    def why(path, limits=DEFAULT):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DataError) as caught:
            read(path, limits=limits)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
        return caught.value.describe()

    return why


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize(
    ("shape", "fortran"),
    [((10**12,), False), ((20, 10**9), False), ((20, 10**9), True), ((2**40, 2**40), False)],
)
def test_an_array_that_says_to_be_larger_than_it_is(archive, refused, method, shape, fortran):
    told = refused(archive(method, x=npy(shape, fortran=fortran), y=labels()))
    assert "rows.npz: x: the array is cut short" in told


def test_an_archive_that_says_to_unpack_to_more_than_it_can(archive, refused):
    path = archive(x=npy((10**6,), body=bytes(800)), y=labels())
    with zipfile.ZipFile(path) as made:
        size = made.getinfo("x.npy").file_size
    path.write_bytes(
        path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", size - 800 + 8 * 10**6))
    )
    assert "x: the array is cut short" in refused(path)


def test_an_array_by_columns_that_is_too_large(archive, refused):
    x = np.asfortranarray(np.zeros((20, 60_000)))
    told = refused(
        archive(x=npy(x.shape, body=x.tobytes("F"), fortran=True), y=labels()), DataLimits(array_mb=9)
    )
    assert "data.limits.array_mb: x (20, 60000) float64, 9,600,000 bytes, is stored column by column" in told
    assert "ascontiguousarray" in told


def test_a_row_that_is_too_large(archive, refused):
    told = refused(
        archive(x=npy((20, 400, 400), body=bytes(20 * 8 * 160_000)), y=labels()), DataLimits(row_mb=1)
    )
    assert "data.limits.row_mb: a row of x (20, 400, 400) float64 takes 1,280,000 bytes" in told


def test_a_record_that_is_too_long(tmp_path, refused):
    path = tmp_path / "rows.csv"
    path.write_text("x,label\n" + "1,a\n" * 5 + "2" * (7 << 20) + ",b\n" + "1,b\n" * 5)
    told = refused(path, DataLimits(record_mb=2))
    assert "data.limits.record_mb: a record from here on has more than 2,097,152 bytes" in told


def patched(path, place, value):
    """Writes a byte into the first entry of a zip's directory, at an offset of the format's."""
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + place] = value
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("place", "value"), [(6, 148), (8, 1), (10, 77)])
def test_archives_of_unknown_versions_and_methods_and_encrypted_ones(archive, refused, place, value):
    told = refused(patched(archive(x=npy((20,), body=bytes(160)), y=labels()), place, value))
    assert "this is no archive of NumPy arrays" in told


def test_a_zip_of_images_of_an_unknown_version(tmp_path, refused):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in ("a/0.png", "b/0.png"):
            made.writestr(name, b"x")
    assert "the archive cannot be read: zip file version" in refused(patched(path, 6, 148))


def test_a_member_that_unpacks_to_more_than_it_says(tmp_path, read):
    path, size = tmp_path / "images.zip", 300 << 20
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("a/0.png", "b/0.png"):
            made.writestr(name, b"x")
        with made.open("a/1.png", "w") as stream:
            for _ in range(size >> 20):
                stream.write(bytes(1 << 20))
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 1000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert [row["image"] for row in read(path)] == [b"x", None, b"x"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_quote_in_the_header_that_is_never_closed(tmp_path, refused):
    path = tmp_path / "rows.csv"
    path.write_text('x,"y,label\n' + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(20_000)))
    assert "rows.csv:1: a quote that opens in the header is never closed" in refused(path)


@pytest.mark.parametrize("store_schema", [True, False])
def test_one_long_value_that_is_referred_to_again_and_again(tmp_path, refused, store_schema):
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000), pa.int32()), pa.array(["a" * 1_000_000]))
    table = pa.table({"x": long, "label": ["a", "b"] * 10_000})
    pq.write_table(table, tmp_path / "rows.parquet", compression="zstd", store_schema=store_schema)
    assert "rows.parquet: data.limits.expanded_mb: a file of" in refused(tmp_path / "rows.parquet")


def test_a_column_of_a_few_words_is_no_bomb(tmp_path, read):
    words = [["a", "b" * 300, None][i % 3] for i in range(30_000)]
    table = pa.table({"x": pa.array(words).dictionary_encode(), "label": [0, 1] * 15_000})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert [row["x"] for row in read(tmp_path / "rows.parquet")] == words


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_every_kind_of_text_is_text(tmp_path, kind):
    path = str(tmp_path / "rows.parquet")
    pq.write_table(pa.table({"x": pa.array(["u", None, "v"]).cast(kind), "label": [0, 1, 0]}), path)
    config = Data(train=path)
    reader = reader_for(path, config)
    (batch,) = (batch for part in reader.partitions(path, config) for batch in reader.read(part, config))
    assert batch.schema.field("x").type == pa.string()
    assert batch.column("x").to_pylist() == ["u", None, "v"]


@pytest.fixture
def folders(tmp_path):
    """Returns a directory of two classes with a file each."""
    root = tmp_path / "images"
    for name in "ab":
        (root / name).mkdir(parents=True)
        (root / name / "0.png").write_bytes(b"x")
    return root


def test_links_to_where_one_is_end(folders, read):
    for name in "ab":
        (folders / name / "up").symlink_to("..")
        (folders / name / "here").symlink_to(".")
    assert [row["path"] for row in read(folders)] == ["a/0.png", "b/0.png"]


def test_a_link_to_a_directory_elsewhere_is_followed(folders, tmp_path, read):
    folders.rename(tmp_path / "else")
    folders.mkdir()
    for name in "ab":
        (folders / name).symlink_to(tmp_path / "else" / name)
    assert [row["path"] for row in read(folders)] == ["a/0.png", "b/0.png"]


def test_directories_that_are_nested_without_end(tmp_path):
    deep = tmp_path.joinpath(*["d"] * 80)
    deep.mkdir(parents=True)
    with pytest.raises(DataError, match="nested more than 64 deep"):
        list(walk(tmp_path))


@pytest.mark.parametrize("make", [lambda path: os.mkfifo(path), lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_a_row_that_cannot_be_read(folders, read, make):
    make(folders / "a" / "1.png")
    assert [row["image"] for row in read(folders)] == [b"x", None, b"x"]


@pytest.mark.parametrize("name", ["a/\udcff.png", "\udcff\udcfe"])  # as Python has bytes that are no UTF-8
def test_a_name_that_is_no_text(folders, refused, name):
    if name.endswith(".png"):
        (folders / name).write_bytes(b"x")
    else:
        (folders / name).mkdir()
    told = refused(folders)
    assert "\\xff" in told
    assert "is not UTF-8" in told
