from pathlib import Path

import numpy as np
import pytest

from trimtab.data.prepare import duplicates


@pytest.mark.parametrize("range_rows", [64, 1 << 20])
def test_shared_rows_are_counted_over_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, range_rows: int
) -> None:
    monkeypatch.setattr(duplicates, "_RANGE_ROWS", range_rows)
    rows = np.random.default_rng(0).integers(0, 256, (1000, 32)).astype(np.uint8)
    rows[0], rows[1] = 0, 255
    files = [tmp_path / f"{name}.npy" for name in ("one", "two", "three", "none")]
    duplicates.write_hashes(files[0], [rows[:300], rows[300:400]])
    duplicates.write_hashes(files[1], [rows[400:600]])
    duplicates.write_hashes(files[2], [rows[590:1000], rows[:5], rows[:5]])
    duplicates.write_hashes(files[3], [])
    assert duplicates.count_shared([files[0], files[1], files[3]], [files[2], files[3]]) == 20
    assert duplicates.count_shared([], [files[2]]) == 0
