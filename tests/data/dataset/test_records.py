from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset.records import Layout, read_shard
from trimtab.errors import ArtifactError


def _examples(layout: Layout, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, layout.x_bytes)).astype(np.uint8)
    if layout.y_dtype == "uint8":
        return x, rng.integers(0, 256, (n, *layout.y_shape)).astype(np.uint8)
    if layout.y_dtype == "float32":
        return x, rng.normal(size=(n, *layout.y_shape)).astype(np.float32)
    return x, np.array([0, 127, 128, 16383, 16384, 2**40, *rng.integers(0, 1000, n)])[:n]


def _read(path: Path, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    blocks = list(read_shard(path, layout))
    return np.concatenate([x for x, _ in blocks]), np.concatenate([y for _, y in blocks])


LAYOUTS = [Layout(b, y) for b in (1, 90, 120, 3072) for y in ("int64", "float32")]
LAYOUTS += [Layout(b, "float32", (k,)) for b, k in ((1, 1), (90, 3), (120, 40))]
LAYOUTS += [Layout(b, "uint8", (k,)) for b, k in ((1, 1), (3072, 1024))]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_shard_gives_back_what_was_written(tmp_path: Path, layout: Layout) -> None:
    x, y = _examples(layout, 500)
    path = tmp_path / "part"
    path.write_bytes(layout.encode(x[:200], y[:200]) + layout.encode(x[200:], y[200:]))
    read_x, read_y = _read(path, layout)
    np.testing.assert_array_equal(read_x, x)
    np.testing.assert_array_equal(read_y, y)
    assert read_y.dtype == layout.y_dtype


def test_shards_larger_than_a_block_are_read_whole(tmp_path: Path) -> None:
    layout = Layout(70_001, "int64")
    x, y = _examples(layout, 300)
    (tmp_path / "part").write_bytes(layout.encode(x, y))
    read_x, read_y = _read(tmp_path / "part", layout)
    np.testing.assert_array_equal(read_x, x)
    np.testing.assert_array_equal(read_y, y)


def test_no_examples_make_an_empty_shard(tmp_path: Path) -> None:
    layout = Layout(4, "int64")
    (tmp_path / "part").write_bytes(layout.encode(np.empty((0, 4), np.uint8), np.empty(0, np.int64)))
    assert list(read_shard(tmp_path / "part", layout)) == []
    for several in (Layout(4, "float32", (3,)), Layout(4, "uint8", (3,))):
        assert several.encode(np.empty((0, 4), np.uint8), np.empty((0, 3))) == b""


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_tensorflow_reads_the_same(tmp_path: Path, layout: Layout) -> None:
    tf = pytest.importorskip("tensorflow")
    x, y = _examples(layout, 100)
    (tmp_path / "part").write_bytes(layout.encode(x, y))
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(tmp_path / "part"))]
    dtype = tf.int64 if layout.y_dtype == "int64" else tf.float32
    raw = tf.io.FixedLenFeature([], tf.string)
    label = raw if layout.y_dtype == "uint8" else tf.io.FixedLenFeature(layout.y_shape, dtype)
    parsed = tf.io.parse_example(records, {"x": raw, "y": label})
    assert b"".join(parsed["x"].numpy()) == x.tobytes()
    found = parsed["y"] if label is not raw else tf.io.decode_raw(parsed["y"], tf.uint8)
    np.testing.assert_array_equal(found.numpy(), y)
    for record in records:
        assert tf.train.Example.FromString(record).SerializeToString(deterministic=True) == record


@pytest.mark.parametrize("y_dtype", ["int64", "float32"])
def test_every_flipped_bit_is_found(tmp_path: Path, y_dtype: str) -> None:
    layout = Layout(16, y_dtype)
    whole = layout.encode(*_examples(layout, 5))
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        (tmp_path / "part").write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"damaged|checksum|cut"):
            _read(tmp_path / "part", layout)


def test_every_cut_inside_a_record_is_found(tmp_path: Path) -> None:
    layout = Layout(16, "float32")
    whole = layout.encode(*_examples(layout, 3))
    for size in range(1, len(whole)):
        if size % (len(whole) // 3):
            (tmp_path / "part").write_bytes(whole[:size])
            with pytest.raises(ArtifactError, match="cut inside record"):
                _read(tmp_path / "part", layout)


def test_records_of_another_layout_are_refused(tmp_path: Path) -> None:
    layout = Layout(16, "float32")
    (tmp_path / "part").write_bytes(layout.encode(*_examples(layout, 3)))
    with pytest.raises(ArtifactError, match="layout"):
        _read(tmp_path / "part", Layout(16, "int64"))
