from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset import shards
from trimtab.data.dataset.records import Layout, read_shard
from trimtab.data.dataset.shards import ShardWriter

LAYOUT = Layout(8, "int64")
X, Y = np.arange(3000, dtype=np.int64)[:, None], np.arange(3000) % 10


def _written(path: Path, shuffle: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
    with ShardWriter(path, LAYOUT, shuffle) as writer:
        for start in range(0, 3000, 70):
            writer.write(X[start : start + 70], Y[start : start + 70])
    assert writer.rows == 3000
    blocks = list(read_shard(path, LAYOUT))
    x = np.concatenate([np.ascontiguousarray(raw).view(np.int64)[:, 0] for raw, _ in blocks])
    return x, np.concatenate([y for _, y in blocks])


@pytest.mark.parametrize("held_bytes", [1000, 1 << 20])
def test_rows_are_written_in_order_or_shuffled_with_their_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int
) -> None:
    monkeypatch.setattr(shards, "_HELD_BYTES", held_bytes)
    x, y = _written(tmp_path / "a" / "part", None)
    np.testing.assert_array_equal(x, X[:, 0])
    np.testing.assert_array_equal(y, Y)
    x, y = _written(tmp_path / "b" / "part", np.random.default_rng(0))
    assert (x != X[:, 0]).mean() > 0.9
    np.testing.assert_array_equal(np.sort(x), X[:, 0])
    np.testing.assert_array_equal(y, x % 10)


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "part", LAYOUT, None) as writer:
        writer.write(X[:0], Y[:0])
    assert not (tmp_path / "part").exists()


def test_an_error_writes_nothing_more(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ShardWriter(tmp_path / "part", LAYOUT, None) as writer:
        writer.write(X, Y)
        raise KeyError
    assert not (tmp_path / "part").exists()
