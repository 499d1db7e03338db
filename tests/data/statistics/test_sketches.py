from __future__ import annotations

import numpy as np
import pyarrow as pa

from trimtab.data.statistics.sketches import Distinct, Frequent, hash_numbers, hash_strings


def test_hashes_depend_on_the_value_alone():
    strings = pa.array(["", "a", "b", "ab", "ba", "aa", "aaa", "ü", "x" * 5000])
    hashes = hash_strings(strings)
    assert len(set(hashes.tolist())) == len(strings)
    np.testing.assert_array_equal(hash_strings(strings.slice(3)), hashes[3:])
    assert hash_numbers(np.array([0.0]))[0] == hash_numbers(np.array([-0.0]))[0]


def test_hashes_of_long_texts_do_not_depend_on_their_neighbours(monkeypatch):
    strings = pa.array([chr(97 + i % 26) * (i % 700) for i in range(300)])
    whole = hash_strings(strings)
    monkeypatch.setattr("trimtab.data.statistics.sketches._HASH_BYTES", 100)
    np.testing.assert_array_equal(hash_strings(strings), whole)


def test_hashes_are_spread_evenly():
    hashes = hash_strings(pa.array([f"key {i}" for i in range(64_000)]))
    for shift in (0, 20, 60):
        counts = np.bincount(((hashes >> np.uint64(shift)) & np.uint64(15)).astype(int), minlength=16)
        assert abs(counts - 4000).max() < 400


def test_the_number_of_different_values_is_exact_while_small_and_close_after():
    for number in (10, 255, 100_000):
        hashes = hash_numbers(np.arange(float(number)))
        sketch = Distinct.of(hashes, np.ones(number), 1024)
        assert abs(sketch.estimate - number) <= (0 if number < 1024 else 0.1 * number)
        assert sketch.all_once


def test_merged_sketches_are_the_sketch_of_the_whole():
    values = hash_numbers(np.random.default_rng(0).integers(0, 5000, 30_000).astype(float))
    whole = Distinct.of(values, np.ones(len(values)), 256)
    parts = [Distinct.of(part, np.ones(len(part)), 256) for part in np.array_split(values, 7)]
    merged = parts[3]
    for part in [*parts[:3], *parts[4:]]:
        merged = merged.merge(part)
    assert merged.to_dict() == whole.to_dict()
    assert not merged.all_once


def test_frequent_values_are_found_among_very_many():
    rng = np.random.default_rng(0)
    values = [f"rare {i}" for i in range(20_000)] + ["often"] * 3000 + ["very often"] * 9000
    rng.shuffle(values)
    merged = Frequent(100)
    for part in np.array_split(values, 10):
        sketch = Frequent(100)
        sketch.add((value, 1) for value in part.tolist())
        merged = merged.merge(sketch)
    assert list(merged.top(2)) == ["very often", "often"]
    assert len(merged.counts) <= 100
    assert 9000 - merged.error <= merged.counts["very often"] <= 9000


def test_ties_are_in_alphabetical_order():
    sketch = Frequent(10)
    sketch.add([("b", 2), ("a", 2), ("c", 3)])
    assert list(sketch.top()) == ["c", "a", "b"]
