import math

import numpy as np
import pytest
from scipy import stats

from trimtab.data.champion.stability import (
    Binned,
    chi_square,
    compare_categories,
    compare_numbers,
    kolmogorov_smirnov,
)
from trimtab.data.statistics.distributions import Categories, Numbers


def _numbers(values: object, missing: int = 0) -> Numbers:
    found, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    rows = int(counts.sum())
    return Numbers(found, counts.astype(float), rows, rows, missing)


def _categories(missing: int = 0, **counts: int) -> Categories:
    present = sum(counts.values())
    ordered = dict(sorted(counts.items(), key=lambda item: -item[1]))
    return Categories(ordered, present + missing, present, missing)


def test_the_index_is_the_symmetric_divergence_of_the_bins() -> None:
    before, now = np.array([300.0, 500, 200]), np.array([500.0, 300, 200])
    p, q = ((side + 0.5) / (side + 0.5).sum() for side in (before, now))
    expected = float(stats.entropy(p, q) + stats.entropy(q, p))
    assert Binned(["a", "b", "c"], before, now).psi == pytest.approx(expected)


def test_a_bin_that_is_empty_on_one_side_counts_but_not_without_bounds() -> None:
    binned, _ = compare_categories(_categories(a=900, b=100), _categories(a=500, c=500), 20)
    assert binned.labels == ["a", "b", "(other)"]
    assert 1 < binned.psi < 6
    grown, _ = compare_categories(_categories(a=9000, b=1000), _categories(a=5000, c=5000), 20)
    assert grown.psi == pytest.approx(binned.psi, rel=0.5)


def test_the_test_of_numbers_is_scipys() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=500).round(2), rng.normal(0.15, 1, 300).round(2)
    found, expected = (
        kolmogorov_smirnov(_numbers(one), _numbers(other)),
        stats.ks_2samp(one, other, method="asymp"),
    )
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)


@pytest.mark.parametrize(("few", "many"), [(1, 100), (2, 2), (4, 4), (29, 9000)])
def test_of_few_numbers_the_test_is_exact(few: int, many: int) -> None:
    found = kolmogorov_smirnov(_numbers(np.arange(few)), _numbers(np.arange(few, few + many)))
    assert (found.statistic, found.p_value) == (1, pytest.approx(2 / math.comb(few + many, few)))


def test_the_test_of_categories_is_scipys() -> None:
    binned = Binned(["a", "b"], np.array([60.0, 40]), np.array([90.0, 110]))
    expected = stats.chi2_contingency([[60, 40], [90, 110]], correction=False)
    assert chi_square(binned).p_value == pytest.approx(expected.pvalue)


def test_rare_categories_are_tested_together() -> None:
    rare = {f"r{i}": 1 for i in range(30)}
    _, test = compare_categories(_categories(a=300, **rare), _categories(a=300), 20)
    joined = stats.chi2_contingency([[300, 30], [300, 0]], correction=False)
    assert test.p_value == pytest.approx(2 * joined.pvalue)  # beside Fisher's exact test


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([5] * 50, ["5"]),
        ([0] * 80 + list(range(1, 21)), ["0", "0 to 10", "over 10"]),
        ([-1.5] * 50 + [2.5] * 50, ["-1.5", "2.5"]),
    ],
)
def test_frequent_values_have_a_bin_of_their_own(values: list[float], labels: list[str]) -> None:
    binned, test = compare_numbers(_numbers(values), _numbers(values))
    assert binned.labels == labels
    assert (binned.psi, test.p_value) == (0, 1)


@pytest.mark.parametrize("now", [3.0, 7.0])
def test_a_constant_that_moves_is_found_in_both_directions(now: float) -> None:
    binned, test = compare_numbers(_numbers([5] * 50), _numbers([now] * 50))
    assert binned.psi > 1
    assert test.p_value < 1e-9


def test_deciles_hold_a_tenth_each() -> None:
    binned, _ = compare_numbers(_numbers(np.arange(1000)), _numbers(np.arange(500)))
    np.testing.assert_allclose(binned.before, 100, atol=1)
    assert binned.now[5:].sum() <= 1
    assert (binned.labels[0], binned.labels[-1]) == ("up to 99", "over 899")


def test_more_missing_numbers_are_found_where_the_others_stay_the_same() -> None:
    binned, test = compare_numbers(_numbers(np.arange(1000)), _numbers(np.arange(1000), missing=500))
    assert test.name == "chi-square"
    assert test.p_value < 1e-9
    assert (binned.labels[-1], binned.before[-1], binned.now[-1]) == ("(missing)", 0, 500)
    assert binned.psi > 0.2


@pytest.mark.parametrize("now", [_numbers([], missing=40), _numbers([])])
def test_nothing_left_does_not_crash(now: Numbers) -> None:
    for before in (_numbers(np.arange(100)), _numbers([], missing=100)):
        binned, test = compare_numbers(before, now)
        assert np.isfinite(binned.psi)
        assert 0 <= test.p_value <= 1


def test_a_category_may_be_called_other() -> None:
    before, now = _categories(other=50, b=50), _categories(other=50, c=50)
    binned, _ = compare_categories(before, now, 20)
    assert dict(zip(binned.labels, binned.now, strict=True)) == {"b": 0, "other": 50, "(other)": 50}
