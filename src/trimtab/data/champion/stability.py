"""Two distributions against each other: the population stability index, and two-sample tests.

The index (N. Siddiqi, "Credit Risk Scorecards", 2006) is the sum over bins of
``(now - before) * ln(now / before)``, the symmetric Kullback-Leibler divergence of the two binned
distributions. Under 0.1 it is small, from 0.2 or 0.25 on a marked shift; it does not grow with the rows. Half
a row is added to every bin (H. Jeffreys' prior), so that a bin that is empty on one side counts, but not
without bounds; bins that are empty on both sides do not exist.

The bins come from the reference: for numbers its deciles, where a value of a tenth of the rows or more has a
bin of its own; for categories its most frequent values, and one bin for all others. What is missing has a
bin, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trimtab.data.statistics.distributions import Categories, Numbers

Floats = npt.NDArray[np.float64]
# In brackets, since a category may well be called "other".
OTHER, MISSING = "(other)", "(missing)"
_BINS = 10
_LEAST_EXPECTED = 5.0  # W. G. Cochran's rule for chi-square tests
_ADDED_ROWS = 0.5
_EXACT = "Fisher's exact test"
_FEW_ROWS = 30


@dataclass(frozen=True)
class Binned:
    """Two binned distributions.

    Attributes:
        labels: What the bins hold.
        before: Rows of the reference, by bin; as many as are independent.
        now: Rows of the new data.
    """

    labels: list[str]
    before: Floats
    now: Floats

    def used(self) -> Binned:
        """Returns the bins without those that are empty on both sides."""
        used = (self.before + self.now) > 0
        labels = [label for label, is_used in zip(self.labels, used, strict=True) if is_used]
        return Binned(labels, self.before[used], self.now[used])

    @property
    def psi(self) -> float:
        """Returns the population stability index; 0 where one side has no rows."""
        if not self.before.sum() or not self.now.sum():
            return 0.0
        before, now = self.before + _ADDED_ROWS, self.now + _ADDED_ROWS
        before, now = before / before.sum(), now / now.sum()
        return float(((now - before) * np.log(now / before)).sum())

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """Returns the distributions as shares."""
        before, now = self.before, self.now
        return before / max(before.sum(), 1.0), now / max(now.sum(), 1.0)


@dataclass(frozen=True)
class Test:
    """A two-sample test: its name, its statistic, and the probability of as much where nothing changed."""

    name: str
    statistic: float
    p_value: float


def compare_numbers(before: Numbers, now: Numbers) -> tuple[Binned, Test]:
    """Returns the binned distributions, and the two-sample Kolmogorov-Smirnov test of the numbers.

    Where numbers are missing, how many is tested, too (chi-square): the test with the smaller p-value is
    returned, and its p-value doubled, as two tests were made (Bonferroni).
    """
    edges, sides = _edges(before), (before, now)
    binned = Binned([*_labels(edges), MISSING], *(_numbers_by_bin(side, edges) for side in sides)).used()
    tests = [kolmogorov_smirnov(before, now)]
    if before.missing or now.missing:
        tests.append(chi_square(missing_or_not(before, now)))
    return binned, _best(tests)


def missing_or_not(before: Numbers, now: Numbers) -> Binned:
    """Returns how many numbers there are, and how many are missing."""
    counts = (np.array([side.present, side.missing], np.float64) for side in (before, now))
    return Binned(["there", MISSING], *counts)


def compare_categories(before: Categories, now: Categories, most: int) -> tuple[Binned, Test]:
    """Returns the binned distributions, and the test that says most: of all values together, or of one.

    Among many values chi-square hardly sees one that triples, and the exact test of each value hardly sees
    that all have changed a little: the smaller p-value counts, doubled (Bonferroni). Both look at all values:
    the most frequent ones of the reference are so by chance, too, and a test of them alone would find them
    rarer in any other rows.

    Args:
        before: The reference.
        now: The new data.
        most: How many values of the reference have a bin of their own.
    """
    binned = _by_value(before, now, list(before.counts)[:most])
    every = _by_value(before, now, list(before.counts | now.counts))
    independent = Binned(
        every.labels,
        *(
            counts * side.independent / max(side.present + side.missing, 1)
            for counts, side in zip((every.before, every.now), (before, now), strict=True)
        ),
    )
    return binned, _best([chi_square(independent), most_changed(independent)])


def _best(tests: list[Test]) -> Test:
    best = min(tests, key=lambda test: test.p_value)
    return Test(best.name, best.statistic, min(1.0, best.p_value * len(tests)))


def kolmogorov_smirnov(before: Numbers, now: Numbers) -> Test:
    """Returns the two-sample test of the numbers; its p-value is 1 where a side has none.

    Of few numbers it is exact: the asymptotic one is certain of a difference between two numbers and two.
    """
    from scipy.stats import ks_2samp, kstwo  # costs half a second that no other data should pay

    name = "Kolmogorov-Smirnov"
    if not len(before.values) or not len(now.values):
        return Test(name, 0.0, 1.0)
    if min(before.independent, now.independent) < _FEW_ROWS:
        exact = ks_2samp(*(np.repeat(side.values, side.weights.astype(int)) for side in (before, now)))
        return Test(name, float(exact.statistic), float(exact.pvalue))
    points = np.union1d(before.values, now.values)
    distance = float(np.abs(_share_up_to(before, points) - _share_up_to(now, points)).max())
    rows = before.independent * now.independent / (before.independent + now.independent)
    return Test(name, distance, float(kstwo.sf(distance, max(1, round(rows)))))


def chi_square(binned: Binned) -> Test:
    """Returns the test of homogeneity; bins with fewer than five expected rows are joined."""
    from scipy.stats import chi2_contingency

    table = _joined(np.stack([binned.before, binned.now]))
    if table.shape[1] < 2:
        return Test("chi-square", 0.0, 1.0)
    result = chi2_contingency(table, correction=False)
    return Test("chi-square", float(result.statistic), float(result.pvalue))


def most_changed(binned: Binned) -> Test:
    """Returns Fisher's exact test of the share of the value that it rejects most, corrected for their number.

    The two-sided p-value is twice the smaller tail's; the statistic is the ratio of the shares.
    """
    from scipy.stats import hypergeom

    before, now = np.rint(binned.before), np.rint(binned.now)
    if len(before) < 2 or not before.sum() or not now.sum():
        return Test(_EXACT, 1.0, 1.0)
    drawn = (now, before.sum() + now.sum(), before + now, now.sum())
    tails = np.minimum(hypergeom.cdf(*drawn), hypergeom.sf(now - 1, *drawn[1:]))
    place = int(tails.argmin())
    ratios = _ratios(binned)
    return Test(_EXACT, float(ratios[place]), min(1.0, 2 * float(tails[place]) * len(before)))


def shift_sd(before: Numbers, now: Numbers) -> float:
    """Returns how far the mean has moved, in standard deviations of the reference; 0 where these are 0."""
    if not len(before.values) or not len(now.values):
        return 0.0
    means = [float(np.average(side.values, weights=side.weights)) for side in (before, now)]
    deviation = float(np.sqrt(np.average(np.square(before.values - means[0]), weights=before.weights)))
    return abs(means[1] - means[0]) / deviation if deviation > 0 else 0.0


def share_ratio(binned: Binned, least_share: float) -> float:
    """Returns how many times as frequent, or as rare, the value is whose share has changed most; 1: none has.

    Args:
        binned: Two distributions.
        least_share: A value counts if it has this share on one side.
    """
    shares = np.maximum(*binned.shares)
    return float(_ratios(binned)[shares >= least_share].max(initial=1.0))


def _ratios(binned: Binned) -> Floats:
    """Returns by bin the larger share over the smaller one, with half a row added to each."""
    before, now = ((counts + _ADDED_ROWS) / max(counts.sum(), 1.0) for counts in (binned.before, binned.now))
    ratios: Floats = np.maximum(before / now, now / before)
    return ratios


def _joined(table: Floats) -> Floats:
    """Returns a table of two rows whose columns with too few expected rows are one."""
    table = table[:, table.sum(axis=0) > 0]
    sides = table.sum(axis=1)
    if not sides.all():
        return table[:, :0]
    expected = table.sum(axis=0) * sides.min() / sides.sum()
    rare, order = expected < _LEAST_EXPECTED, np.argsort(expected, kind="stable")
    if rare.any() and expected[rare].sum() < _LEAST_EXPECTED:
        rare[order[: int(rare.sum()) + 1]] = True  # the rare ones together are still too few
    rest = table[:, rare].sum(axis=1, keepdims=True)
    return np.concatenate([table[:, ~rare], rest[:, : int(rare.any())]], axis=1)


def _share_up_to(numbers: Numbers, points: Floats) -> Floats:
    """Returns the distribution function at some points."""
    sums = np.concatenate([[0.0], np.cumsum(numbers.weights)])
    shares: Floats = sums[np.searchsorted(numbers.values, points, side="right")] / sums[-1]
    return shares


def _edges(numbers: Numbers) -> Floats:
    """Returns the upper edges of all bins but the last: deciles, and both sides of frequent values."""
    values, weights = numbers.values, numbers.weights
    if not len(values):
        return np.empty(0)
    sums = np.cumsum(weights)
    wanted = np.arange(1, _BINS) / _BINS * sums[-1]
    deciles = np.unique(values[np.searchsorted(sums, wanted, side="left")])
    unique, inverse = np.unique(values, return_inverse=True)
    often = unique[np.bincount(inverse, weights) >= sums[-1] / _BINS]
    return np.unique(np.concatenate([deciles, often, np.nextafter(often, -np.inf)]))


def _numbers_by_bin(numbers: Numbers, edges: Floats) -> Floats:
    """Returns the rows by bin; the last bin is that of the missing ones."""
    places = np.searchsorted(edges, numbers.values, side="left")
    counts = np.bincount(places, numbers.weights, len(edges) + 1)
    return np.append(counts * numbers.present / max(counts.sum(), 1.0), numbers.missing)


def _labels(edges: Floats) -> list[str]:
    """Returns what to call the bins between the edges; edges that are neighbours enclose one value."""
    if not len(edges):
        return ["any"]
    alone = np.isin(edges, np.nextafter(edges, np.inf))
    names = [f"{edge:.4g}" for edge in edges]
    below = np.append(alone[1:], False)
    shown = [names[place + 1] if below[place] else name for place, name in enumerate(names)]
    labels = [f"{'under' if below[0] else 'up to'} {shown[0]}"]
    for place in range(1, len(edges)):
        labels.append(names[place] if alone[place] else f"{names[place - 1]} to {shown[place]}")
    return [*labels, f"over {names[-1]}"]


def _by_value(before: Categories, now: Categories, names: list[str]) -> Binned:
    sides = (_counts_of(side, names) for side in (before, now))
    return Binned([*names, OTHER, MISSING], *sides).used()


def _counts_of(categories: Categories, names: list[str]) -> Floats:
    """Returns the values by bin; the last two bins are those of all others and of the missing ones."""
    known = [categories.counts.get(name, 0) for name in names]
    return np.array([*known, max(0, categories.present - sum(known)), categories.missing], np.float64)
