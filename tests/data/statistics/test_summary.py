from __future__ import annotations

import dataclasses
import json
import pickle
import resource
from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.statistics.column import ColumnSummary
from trimtab.data.statistics.media import MediaSummary
from trimtab.data.statistics.summary import Summary

CONFIG = Data(train="rows.csv")


@pytest.fixture
def rows():
    rng = np.random.default_rng(7)
    count = 5000
    words = np.array(["red", "green", "blue", "", "NA"])
    return pa.RecordBatch.from_pydict(
        {
            "real": rng.lognormal(3, 2, count),
            "text_number": [f"{value:.3f}" if value < 3 else "?" for value in rng.normal(size=count)],
            "color": words[rng.integers(0, 5, count)].tolist(),
            "sentence": [f"word{i % 13} and word{i % 7}, again" for i in range(count)],
            "key": [f"k{i}" for i in range(count)],
            "flag": rng.integers(0, 2, count).astype(bool),
            "label": rng.integers(0, 3, count),
        }
    )


def summarize(batch, step, config=CONFIG):
    parts = [Summary.of(batch.slice(start, step), config) for start in range(0, batch.num_rows, step)]
    return reduce(Summary.merge, parts, Summary())


def test_numbers_are_the_textbooks(rows):
    found = summarize(rows, 700)
    real = rows["real"].to_numpy()
    column = found.columns["real"]
    assert found.rows == 5000
    assert (column.numbers, column.missing, column.minimum, column.maximum) == (
        5000,
        0,
        real.min(),
        real.max(),
    )
    np.testing.assert_allclose([column.mean, column.variance], [real.mean(), real.var()], rtol=1e-10)
    np.testing.assert_allclose(
        found.quantiles("real", [0, 0.5, 1]), np.quantile(real, [0, 0.5, 1]), rtol=1e-3
    )


def test_variance_survives_a_large_mean():
    values = 1e9 + np.random.default_rng(0).normal(size=10_000)
    found = summarize(pa.RecordBatch.from_pydict({"x": values}), 64).columns["x"]
    np.testing.assert_allclose(found.variance, values.var(), rtol=1e-6)


def test_words_and_missing_values_are_counted(rows):
    found = summarize(rows, 700).columns
    colors = [value for value in rows["color"].to_pylist() if value]
    assert found["color"].frequent.counts == {
        name: colors.count(name) for name in ("red", "green", "blue", "NA")
    }
    assert found["color"].missing == 5000 - len(colors)
    assert found["text_number"].missing == 0
    assert found["text_number"].missing_numbers == rows["text_number"].to_pylist().count("?")
    assert found["flag"].frequent.counts.keys() == {"true", "false"}
    assert sum(found["label"].frequent.counts.values()) == found["label"].integers == 5000


def test_tokens_and_lengths_are_those_of_the_tokenizer(rows):
    found = summarize(rows, 700).columns["sentence"]
    assert found.tokens.counts["again"] == found.tokens.counts[","] == 5000
    assert found.tokens.counts["word0"] == len(range(0, 5000, 13)) + len(range(0, 5000, 7))
    assert found.token_lengths == [0, 0, 0, 0, 0, 5000]


@pytest.mark.parametrize("step", [1, 999, 5000])
def test_what_is_exact_does_not_depend_on_the_cut(rows, step):
    rows = rows.slice(0, 60) if step == 1 else rows
    found, expected = summarize(rows, step), summarize(rows, 700)
    np.testing.assert_array_equal(found.sample.hashes, expected.sample.hashes)
    assert found.sample.rows.equals(expected.sample.rows)
    for name, column in found.columns.items():
        assert column.distinct.to_dict() == expected.columns[name].distinct.to_dict()
        if name not in ("real", "text_number"):
            assert column.frequent == expected.columns[name].frequent
        np.testing.assert_allclose(column.variance, expected.columns[name].variance)


def test_any_grouping_of_the_same_parts_gives_the_same_result(rows):
    """What an executor with many workers does: it merges neighbours first."""
    parts = [Summary.of(rows.slice(start, 500), CONFIG) for start in range(0, 5000, 500)]
    one_by_one = reduce(Summary.merge, parts, Summary())
    again = reduce(Summary.merge, [pickle.loads(pickle.dumps(part)) for part in parts], Summary())
    assert one_by_one.to_dict() == again.to_dict()


def test_json_and_pickle_keep_everything(rows):
    found = summarize(rows, 700)
    stored = json.dumps(found.to_dict())
    assert json.loads("".join(found.to_json())) == json.loads(stored)
    assert json.loads("".join(Summary().to_json())) == Summary().to_dict()
    assert json.dumps(Summary.from_dict(json.loads(stored)).to_dict()) == stored
    assert json.dumps(pickle.loads(pickle.dumps(found)).to_dict()) == stored
    assert Summary.from_dict(Summary().to_dict()).rows == 0
    assert Summary.from_dict(json.loads(stored)).merge(found).rows == 10_000


def test_the_sample_does_not_depend_on_the_order_of_rows_or_columns(rows):
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(5000)))
    shuffled = shuffled.select(rows.schema.names[::-1])
    found, expected = summarize(shuffled, 700), summarize(rows, 700)
    np.testing.assert_array_equal(found.sample.hashes, expected.sample.hashes)
    assert found.sample.rows["key"].equals(expected.sample.rows["key"])


def test_repeated_rows_are_sampled_once_and_counted():
    batch = pa.RecordBatch.from_pydict({"a": ["x"] * 9000 + ["y"] * 1000, "n": [1.0] * 9000 + [5.0] * 1000})
    found = summarize(batch, 3000)
    assert sorted(found.sample.counts.tolist()) == [1000, 9000]
    assert found.quantiles("n", [0.5, 0.95]) == [1.0, 5.0]


def test_columns_and_types_may_differ_between_files():
    one = Summary.of(pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"]}), CONFIG)
    other = Summary.of(pa.RecordBatch.from_pydict({"a": ["3", "z"], "c": [0.5, 1.5]}), CONFIG)
    found = one.merge(other)
    assert found.columns["a"].type == "string"
    assert found.columns["a"].numbers == 3
    assert (found.columns["b"].missing, found.columns["c"].missing) == (2, 2)
    assert sorted(found.sample.rows["a"].to_pylist()) == ["1", "2", "3", "z"]


def test_dropped_columns_are_known_by_name_only(rows):
    found = Summary.of(rows, Data(train="x", drop=["key"]))
    assert found.columns["key"].type == "string"
    assert not found.columns["key"].frequent.counts
    assert "key" not in found.sample.rows.column_names


def test_a_summary_does_not_grow_with_its_rows():
    rng = np.random.default_rng(0)

    def batch(part):
        n = 8192
        keys = [f"{part}-{i}" for i in range(n)]
        return pa.RecordBatch.from_pydict(
            {"x": rng.normal(size=n), "key": keys, "text": [f"some words {key}" for key in keys]}
        )

    sizes, found = [], Summary()
    for part in range(14):
        found = found.merge(Summary.of(batch(part), CONFIG))
        sizes.append(len(pickle.dumps(found)))
    assert sizes[-1] < 1.15 * sizes[7]


@pytest.mark.slow
def test_memory_stays_flat_with_the_rows():
    rng = np.random.default_rng(0)
    found = Summary()
    peaks = []
    for _ in range(36):
        n = 8192
        columns = {f"c{i}": rng.normal(size=n).astype(str) for i in range(4)}
        columns["word"] = [f"{value:x}" for value in rng.integers(0, 1 << 40, n)]
        found = found.merge(Summary.of(pa.RecordBatch.from_pydict(columns), CONFIG))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[-1] - peaks[16] < 12_000  # kilobytes; what these parts hold has 19,000


def test_images_are_looked_into_one_in_four_whatever_the_cut(make_png):
    images = [make_png(value % 256, (5 + value // 256, 4)) for value in range(1000)]
    rows = pa.RecordBatch.from_pydict({"image": images})
    found, again = summarize(rows, 100).columns["image"].media, summarize(rows, 333).columns["image"].media
    assert found == again
    assert found.files("image") == 1000
    assert 180 < sum(found.counts("image", "brightness").values()) < 320
    assert all(0 <= int(level) <= 255 for level in found.counts("image", "brightness"))


def test_an_image_whose_pixels_are_damaged_is_counted_but_not_measured(make_png):
    whole, damaged = MediaSummary(), MediaSummary()
    for size in range(4, 64):
        content = bytearray(make_png(90, (size, 40)))
        whole.add(0, bytes(content), "")
        content[content.index(b"IDAT") + 6] ^= 0xFF
        damaged.add(0, bytes(content), "")
    assert whole.files("image") == damaged.files("image") == 60
    assert whole.counts("image", "brightness").keys() == {"90"}
    assert damaged.counts("image", "brightness") == {}


def test_loudness_is_in_decibels_of_full_scale(make_wav):
    found = MediaSummary()
    for length in range(1, 60):
        found.add(0, make_wav(length / 10), "")
    assert found.counts("audio", "loudness").keys() == {"-9"}, "a sine of half the full scale"


def test_files_that_were_counted_before_kinds_had_counts_of_their_own_are_read():
    before = {
        "images": 3,
        "clips": 0,
        "sizes": {"8x8": 3},
        "modes": {"L": 3},
        "rates": {},
        "durations": {},
        "brightness": {},
        "loudness": {},
        "unreadable": 1,
        "unreadable_items": [[2, "a.png"]],
    }
    found = MediaSummary.from_dict(before)
    assert (found.files("image"), found.files("audio"), found.unreadable) == (3, 0, 1)
    assert found.counts("image", "sizes") == {"8x8": 3}
    assert found.counts("audio", "rates") == {}
    assert MediaSummary.from_dict(dataclasses.asdict(found)) == found


def with_blanks(words: Sequence[str]) -> list[str]:
    """Returns words, of which every fifth is an empty one."""
    return ["" if at % 5 == 1 else str(word) for at, word in enumerate(words)]


def test_a_wide_table_is_summarized_as_its_columns_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of columns say what each says alone; means and variances but for rounding."""
    rng = np.random.default_rng(5)
    columns: dict[str, pa.Array] = {
        "real": pa.array(rng.normal(size=200)),
        "small": pa.array(rng.normal(size=200).astype(np.float32)),
        "few": pa.array(rng.integers(-3, 4, 200)),
        "tiny": pa.array(rng.integers(-3, 4, 200).astype(np.int8)),
        "halves": pa.array(rng.integers(-3, 4, 200) / 2),
        "small_few": pa.array((rng.integers(-3, 4, 200) / 10).astype(np.float32)),
        "zeros": pa.array(np.where(rng.random(200) < 0.5, -0.0, 0.0)),
        "large": pa.array(rng.integers(2**60, 2**61, 200)),
        "not_finite": pa.array([np.nan, np.inf, *rng.normal(size=198)]),
        "missing": pa.array([None, *rng.integers(0, 9, 199).tolist()]),
        "gaps": pa.array(rng.normal(size=200), mask=rng.random(200) < 0.2),
        "gaps_copied": pa.array(rng.choice(rng.normal(size=90), 200), mask=rng.random(200) < 0.2),
        "gaps_small": pa.array(
            (rng.integers(-3, 4, 200) / 10).astype(np.float32), mask=rng.random(200) < 0.2
        ),
        "gaps_days": pa.array(rng.integers(20200101, 20200131, 200), mask=rng.random(200) < 0.2),
        "gaps_not_finite": pa.array([np.nan, np.inf, *rng.normal(size=198)], mask=np.arange(200) == 9),
        "gaps_nan": pa.array([np.nan, np.nan, *rng.integers(0, 9, 198)], mask=np.arange(200) == 9),
        "gaps_zeros": pa.array(np.where(rng.random(200) < 0.5, -0.0, 0.0), mask=rng.random(200) < 0.2),
        "gaps_alone": pa.nulls(200, pa.float64()),
        "word": pa.array(rng.choice(["a", "b"], 200)),
        "written": pa.array([f"{number:.3f}" for number in rng.normal(size=200)]),
        "written_few": pa.array(rng.choice(["1", "-2", "1.5", "1.234", "1e2"], 200)),
        "written_days": pa.array([f"2025{month:02d}01" for month in rng.integers(1, 13, 200)]),
        "written_odd": pa.array(["+1", " 2", *map(str, rng.integers(0, 9, 198))]),
        "written_large": pa.array(["4e38", *map(str, rng.integers(0, 9, 199))]),
        "written_missing": pa.array(["NA", "", *map(str, rng.integers(0, 9, 198))]),
        "written_gaps": pa.array(with_blanks([f"{number:.3f}" for number in rng.normal(size=200)])),
        "written_gaps_first": pa.array(["", *(f"{number:.4f}" for number in rng.normal(size=199))]),
        "written_gaps_few": pa.array(with_blanks(rng.choice(["1", "-2", "1.0", "1.234", "1e2", "-0"], 200))),
        "written_gaps_days": pa.array(with_blanks([f"202501{d:02d}" for d in rng.integers(1, 30, 200)])),
        "written_gaps_large": pa.array(with_blanks(["4e38", *map(str, rng.integers(0, 9, 199))])),
        "written_gaps_word": pa.array(with_blanks(["x", *map(str, rng.integers(0, 9, 199))])),
        "written_gaps_mostly": pa.array(["7", *[""] * 199]),
        "written_gaps_alone": pa.array([""] * 200),
        "label": pa.array(rng.integers(0, 2, 200)),
    }
    batch, config = pa.RecordBatch.from_pydict(columns), Data(train="rows.parquet", label="label")
    alone = Summary.of(batch, config)
    monkeypatch.setattr("trimtab.data.statistics.summary.WIDE", 2)
    together = Summary.of(batch, config)
    for name, expected in alone.columns.items():
        found = together.columns[name]
        if batch.column(name).null_count or name.startswith("written_gaps"):
            assert found.to_dict() == expected.to_dict()
            assert list(found.frequent.counts) == list(expected.frequent.counts)
        assert found.mean == pytest.approx(expected.mean, rel=1e-12, abs=1e-15)
        assert found.m2 == pytest.approx(expected.m2, rel=1e-12, abs=1e-15)
        rounded = dataclasses.replace(found, mean=expected.mean, m2=expected.m2, distinct=expected.distinct)
        assert rounded == expected
        assert found.distinct.to_dict() == expected.distinct.to_dict()
    assert together.sample.to_text() == alone.sample.to_text()


def test_of_a_wide_table_only_what_is_no_number_is_summarized_by_the_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(6)
    numbers = {
        f"c{at}": pa.array(rng.normal(size=30), mask=rng.random(30) < at % 2 / 5) for at in range(1000)
    }
    numbers |= {f"t{at}": pa.array(with_blanks([f"{n:.3f}" for n in rng.normal(size=30)])) for at in range(9)}
    words = {name: pa.array(rng.choice(["a", "b"], 30)) for name in ("plan", "label")}
    alone: list[str] = []
    of = ColumnSummary.of.__func__

    def counted(cls: type[ColumnSummary], name: str, *given: object, **named: object) -> object:
        alone.append(name)
        return of(cls, name, *given, **named)

    monkeypatch.setattr(ColumnSummary, "of", classmethod(counted))
    summary = Summary.of(pa.RecordBatch.from_pydict(numbers | words), Data(train="rows.parquet"))
    assert alone == ["plan", "label"]
    assert [summary.columns[f"c{at}"].missing > 0 for at in range(4)] == [False, True, False, True]
