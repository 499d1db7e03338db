"""Drift: whether new training rows are distributed as those that the champion was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, Field

from trimtab.config.columns import ColumnKind
from trimtab.data.champion.stability import (
    Binned,
    Test,
    compare_categories,
    compare_numbers,
    missing_or_not,
    share_ratio,
    shift_sd,
)
from trimtab.data.kinds.registry import kind_of
from trimtab.data.schema import Column
from trimtab.data.statistics.distributions import Categories, Distribution, Numbers
from trimtab.tasks.registry import task

if TYPE_CHECKING:
    from trimtab.config.retrain import Drift
    from trimtab.data.champion.reference import Reference
    from trimtab.data.schema import DatasetSchema
    from trimtab.data.statistics.summary import Summary

_MOST_UNSEEN = 5


class Bin(BaseModel):
    """A bin of two distributions."""

    label: str = Field(description="What it holds; `(other)` and `(missing)` among them.")
    before: float = Field(description="Its share of the champion's training rows.")
    now: float = Field(description="Its share of the new training rows.")


class FeatureDrift(BaseModel):
    """One aspect of one column."""

    name: str = Field(description="The column.")
    kind: ColumnKind = Field(description="What the column is taken for.")
    aspect: str = Field(description="What of it is compared: `values`, `tokens`, `brightness` and others.")
    is_label: bool = Field(description="Whether it is the label.")
    psi: float = Field(description="Population stability index.")
    shift_sd: float = Field(0.0, description="Numbers: how far the mean moved, in standard deviations.")
    share_ratio: float = Field(
        1.0, description="How many times as frequent, or as rare, the value became that changed most."
    )
    test: str = Field(description="The two-sample test.")
    statistic: float = Field(description="The test's.")
    p_value: float = Field(description="The test's, before the correction for the number of tests.")
    adjusted_p_value: float = Field(description="The same after Holm's correction.")
    large: bool = Field(False, description="Whether one of the sizes is past its limit, be it by chance.")
    drifted: bool = Field(description="Whether the test and one of the sizes are past their limits.")
    bins: list[Bin] = Field(description="The two distributions; bins that are empty in both are left out.")
    unseen: list[str] = Field([], description="Frequent new values that the champion's rows never had.")


class DriftReport(BaseModel):
    """Every aspect of every column that both data sets have; what has drifted comes first."""

    rows_before: int = Field(description="The champion's training rows.")
    rows_now: int = Field(description="The new training rows.")
    max_psi: float = Field(description="`retrain.drift.max_psi`.")
    significance: float = Field(description="`retrain.drift.significance`.")
    features: list[FeatureDrift]

    @property
    def drifted(self) -> list[FeatureDrift]:
        """Returns what has drifted."""
        return [feature for feature in self.features if feature.drifted]


class _Sizes(NamedTuple):
    psi: float
    shift_sd: float
    share_ratio: float

    def exceed(self, limits: Drift) -> bool:
        return (
            self.psi >= limits.max_psi
            or self.shift_sd >= limits.max_shift_sd
            or self.share_ratio >= limits.max_share_ratio
        )


class _Compared(NamedTuple):
    name: str
    kind: ColumnKind
    aspect: str
    is_label: bool
    sizes: _Sizes
    binned: Binned
    test: Test
    unseen: list[str]


def measure(champion: Reference, schema: DatasetSchema, train: Summary, limits: Drift) -> DriftReport | None:
    """Returns how far new training rows are from the champion's, or None where its statistics are lost.

    An aspect has drifted when its two-sample test rejects at ``significance`` **and** it has changed enough
    to matter: by its population stability index, by how far the mean has moved, or by how many times as
    frequent or rare a value has become. P-values are corrected for the number of tests (S. Holm, "A simple
    sequentially rejective multiple test procedure", 1979), so that the chance of any false alarm is at most
    the significance. With many rows a test rejects the smallest shift, with few rows the index is large by
    chance: neither is enough alone.

    The champion's rows may be among the new ones, which makes the tests conservative.

    Args:
        champion: The data of the model in service.
        schema: Of the new data.
        train: The summary of the new training rows.
        limits: From where on it counts.
    """
    if champion.train is None:
        return None
    compared = list(_compared(champion, champion.train, schema, train, limits.least_share))
    adjusted = holm([feature.test.p_value for feature in compared])
    features = [_feature(feature, p, limits) for feature, p in zip(compared, adjusted, strict=True)]
    return DriftReport(
        rows_before=champion.train.rows,
        rows_now=train.rows,
        max_psi=limits.max_psi,
        significance=limits.significance,
        features=sorted(
            features, key=lambda feature: (not feature.drifted, -feature.psi, feature.name, feature.aspect)
        ),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for how many they are: each is rejected at a level if it is at most that."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def _compared(
    champion: Reference, before: Summary, schema: DatasetSchema, now: Summary, least_share: float
) -> Iterator[_Compared]:
    for name, kind in _columns(champion.schema, schema):
        is_label = name in [each.label for each in schema.each_label.values()]
        column = Column(name=name, kind=kind)
        sides = [kind_of(kind).distributions(column, summary) for summary in (before, now)]
        for aspect, distribution in sides[0].items():
            comparison = _compare(distribution, sides[1][aspect], least_share)
            if comparison is not None:
                yield _Compared(
                    name, kind, aspect, is_label, *comparison, _unseen(distribution, sides[1][aspect])
                )


def _columns(before: DatasetSchema, now: DatasetSchema) -> Iterator[tuple[str, ColumnKind]]:
    """Yields the label and the input columns that mean the same in both."""
    was = [(each.task, each.label) for each in before.each_label.values()]
    for label in now.each_label.values():
        if (label.task, label.label) in was:
            yield label.label, "numeric" if task(label.task).meaning.is_numeric else "categorical"
    kinds = {column.name: column.kind for column in before.columns}
    yield from ((column.name, column.kind) for column in now.columns if kinds.get(column.name) == column.kind)


def _compare(
    before: Distribution, now: Distribution, least_share: float
) -> tuple[_Sizes, Binned, Test] | None:
    """Returns the comparison, or None where the reference or the new data have no rows to compare."""
    if not before.present + before.missing or not now.present + now.missing:
        return None
    if isinstance(before, Numbers) and isinstance(now, Numbers):
        binned, test = compare_numbers(before, now)
        gaps = share_ratio(missing_or_not(before, now), least_share)
        return _Sizes(binned.psi, shift_sd(before, now), gaps), binned, test
    assert isinstance(before, Categories)
    assert isinstance(now, Categories)
    binned, test = compare_categories(before, now, before.compared)
    return _Sizes(binned.psi, 0.0, share_ratio(binned, least_share)), binned, test


def _unseen(before: Distribution, now: Distribution) -> list[str]:
    if isinstance(before, Numbers) or isinstance(now, Numbers):
        return []
    return [value for value in now.counts if value not in before.counts][:_MOST_UNSEEN]


def _feature(compared: _Compared, adjusted: float, limits: Drift) -> FeatureDrift:
    binned, test = compared.binned, compared.test
    bins = zip(binned.labels, *(side.tolist() for side in binned.shares), strict=True)
    return FeatureDrift(
        name=compared.name,
        kind=compared.kind,
        aspect=compared.aspect,
        is_label=compared.is_label,
        psi=compared.sizes.psi,
        shift_sd=compared.sizes.shift_sd,
        share_ratio=compared.sizes.share_ratio,
        test=test.name,
        statistic=test.statistic,
        p_value=test.p_value,
        adjusted_p_value=adjusted,
        large=compared.sizes.exceed(limits),
        drifted=adjusted <= limits.significance and compared.sizes.exceed(limits),
        unseen=compared.unseen,
        bins=[Bin(label=label, before=before, now=now) for label, before, now in bins],
    )
