import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare import near_copies
from trimtab.data.prepare.near_copies import SignatureWriter, signatures, warning
from trimtab.data.prepare.prepare import PreparedSummary

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]
RNG = np.random.default_rng(0)


def _share(one: np.ndarray, other: np.ndarray, kind: str, numeric: int = 0) -> float:
    """Returns the share of rows that have a signature in common with the row at their place."""
    found = [signatures(x, kind, numeric) for x in (one, other)]
    return float((found[0] == found[1]).any(axis=1).mean())


def test_numbers_that_differ_by_rounding_are_found_and_others_are_not() -> None:
    x = RNG.normal(size=(5000, 6)).astype(np.float32)
    assert _share(x, x.round(4), "tabular", 6) > 0.99
    assert _share(x, x + np.float32(0.02), "tabular", 6) == 0
    assert signatures(x[:, :3], "tabular", 3) is None  # three numbers meet by chance


def test_images_of_another_quality_or_brightness_are_found_and_others_are_not() -> None:
    small = RNG.integers(0, 256, (300, 6, 6, 3)).astype(np.uint8)
    x = np.stack(
        [np.asarray(Image.fromarray(one).resize((48, 48), Image.Resampling.BICUBIC)) for one in small]
    )
    assert _share(x, np.clip(x.astype(int) + 6, 0, 255).astype(np.uint8), "image") > 0.5
    # Areas of random colours are harder to tell apart than those of photographs, of which 0.65 are found.
    assert _share(x, np.stack([_jpeg(one) for one in x]), "image") > 1 / 3
    assert len(np.unique(signatures(x, "image", 0))) == len(x)
    digits = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)[..., None]
    assert len(np.unique(signatures(digits, "image", 0))) > 0.99 * len(digits)
    noise = RNG.integers(4, 7, digits.shape)
    assert _share(digits, np.clip(digits + noise, 0, 255).astype(np.uint8), "image") > 0.95  # an even ground


def _jpeg(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "jpeg", quality=92)
    return np.asarray(Image.open(stream))


def test_texts_that_share_most_of_their_words_are_found_and_others_are_not() -> None:
    x = RNG.integers(2, 3000, (2000, 60)).astype(np.int32)
    x[:, 50:] = 0
    one_other, half = x.copy(), x.copy()
    one_other[np.arange(2000), RNG.integers(0, 50, 2000)] = 1
    half[:, 25:50] = RNG.integers(2, 3000, (2000, 25))
    assert _share(x, one_other, "text") > 0.85
    assert _share(x, half, "text") < 0.1
    assert _share(x, x[::-1], "text") == 0


def test_near_copies_are_counted_over_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = RNG.normal(size=(1000, 5)).astype(np.float32)
    for place, part in enumerate(np.split(x, 4)):
        writer = SignatureWriter(tmp_path, place, "tabular", 5)
        writer.add("train", part)
        writer.add("test", part[:20].round(4) if place else RNG.normal(size=(40, 5)))
        writer.close()
    found, rows = near_copies.near_copies(tmp_path)
    assert rows == 100
    assert found >= 59
    monkeypatch.setattr(near_copies, "_LOOKED_UP", 30)
    assert near_copies.near_copies(tmp_path)[1] == 25


def test_a_few_are_no_warning() -> None:
    assert warning(9, 100) == []
    assert warning(50, 10_000) == []
    assert warning(150, 10_000)[0].startswith("150 of 10,000 test rows (1.5%) are nearly the same")


def test_a_table_with_near_copies_is_warned_of(tmp_path: Path, prepared: Prepare) -> None:
    values = RNG.normal(size=(800, 5))
    table = pa.table({f"c{place}": values[:, place] for place in range(5)} | {"label": np.arange(800) % 2})
    again = pa.table(
        {f"c{place}": values[:, place].round(4) for place in range(5)} | {"label": np.arange(800) % 2}
    )
    pacsv.write_csv(table, tmp_path / "alone.csv")
    pq.write_table(pa.concat_tables([table, again]), tmp_path / "twice.parquet")
    _, alone = prepared("alone", train=str(tmp_path / "alone.csv"))
    _, twice = prepared("twice", train=str(tmp_path / "twice.parquet"))
    assert not any("nearly the same" in text for text in alone.warnings)
    assert any("are nearly the same as training rows" in text for text in twice.warnings)
    assert not list((tmp_path / "out" / "twice").glob(".near*"))
