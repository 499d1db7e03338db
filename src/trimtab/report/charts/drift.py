"""Panels of drift: a column's distribution then and now, bin by bin, and what the two tests say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.data.champion.drift import Bin, DriftReport, FeatureDrift
from trimtab.data.champion.stability import OTHER
from trimtab.report.charts.scale import Scale
from trimtab.report.words import numbers

WIDTH = 440
NAMES, BARS, SHARES = 132, 312, 440
ROW, BAR, TOP = 22, 8, 4
MOST_PANELS, MOST_ROWS, MOST_CHARACTERS = 24, 12, 21
LEAST_P = 1e-4
REST = "(all others)"


@dataclass(frozen=True)
class Pair:
    """A bin: a bar for what was above a bar for what is.

    Attributes:
        name: What it holds, cut to fit; ``whole`` is not cut.
        top: Where its upper bar begins, in pixels.
        before: The length of the upper bar.
        now: The length of the lower bar.
        shares: Both in words.
    """

    name: str
    whole: str
    top: int
    before: float
    now: float
    shares: str


@dataclass(frozen=True)
class DriftPanel:
    """One aspect of one column, in pixels of a ``WIDTH`` x ``height`` canvas.

    Attributes:
        title: The column.
        aspect: What of it.
        state: ``drifted``, ``large``, ``small`` or ``stable``.
        verdict: The same in words.
        evidence: The index and the test in words.
        unseen: Frequent values that the champion's rows never had.
    """

    title: str
    aspect: str
    state: str
    verdict: str
    evidence: str
    unseen: str
    pairs: list[Pair]
    height: int
    width: int = WIDTH
    names: int = NAMES - 6
    bars: int = NAMES
    end: int = SHARES
    bar: int = BAR

    @property
    def stands_out(self) -> bool:
        """Returns whether one of the two limits is passed."""
        return self.state != "stable"


VERDICTS = {
    "drifted": "has drifted",
    "large": "a marked shift, but it may be chance",
    "small": "more than chance, but a small shift",
    "stable": "stable",
}


def drift_panels(report: DriftReport) -> list[DriftPanel]:
    """Returns the panels of what has drifted most."""
    return [_panel(feature, report) for feature in report.features[:MOST_PANELS]]


def headline(report: DriftReport) -> str:
    """Returns how much has drifted, in a sentence."""
    if not report.features:
        return "No column can be compared."
    titles = list(dict.fromkeys(_title(feature) for feature in report.drifted))
    if not titles:
        return "Nothing has drifted."
    more = f" and {len(titles) - 5} more" if len(titles) > 5 else ""
    return f"{', '.join(titles[:5])}{more} {'has' if len(titles) == 1 else 'have'} drifted."


def state(feature: FeatureDrift, report: DriftReport) -> str:
    """Returns which of the two limits are passed; a key of ``VERDICTS``."""
    if feature.drifted:
        return "drifted"
    if feature.large or feature.psi >= report.max_psi:
        return "large"
    return "small" if feature.adjusted_p_value <= report.significance else "stable"


def p_value(value: float) -> str:
    """Returns a p-value as people read it: ``p = 0.031``, ``p < 0.0001``."""
    return f"p < {LEAST_P:.4f}" if value < LEAST_P else f"p = {numbers.decimal(value, 2)}"


def _panel(feature: FeatureDrift, report: DriftReport) -> DriftPanel:
    column_state, pairs = state(feature, report), _pairs(_shown(feature.bins))
    test = f"{feature.test} {numbers.decimal(feature.statistic)}"
    return DriftPanel(
        title=_title(feature),
        aspect=feature.aspect,
        state=column_state,
        verdict=VERDICTS[column_state],
        evidence=f"{_sizes(feature)}, {test}, {p_value(feature.adjusted_p_value)}",
        unseen=", ".join(feature.unseen),
        pairs=pairs,
        height=TOP + ROW * len(pairs),
    )


def _sizes(feature: FeatureDrift) -> str:
    text = f"PSI {numbers.decimal(feature.psi, 2)}"
    if feature.shift_sd:
        text += f", mean moved by {numbers.decimal(feature.shift_sd, 2)} sd"
    if feature.share_ratio > 1:
        text += f", a share {numbers.decimal(feature.share_ratio, 1)} times as large or small"
    return text


def _title(feature: FeatureDrift) -> str:
    return f"{feature.name} (label)" if feature.is_label else feature.name


def _shown(bins: Sequence[Bin]) -> list[Bin]:
    """Returns the bins in their order; of very many, those that changed most and the rest in one."""
    if len(bins) <= MOST_ROWS:
        return list(bins)
    named = [place for place, bin_ in enumerate(bins) if bin_.label != OTHER]
    changed = sorted(named, key=lambda place: -abs(bins[place].now - bins[place].before))
    most_changed = set(changed[: MOST_ROWS - 1])
    rest = [bin_ for place, bin_ in enumerate(bins) if place not in most_changed]
    joined = Bin(label=REST, before=sum(bin_.before for bin_ in rest), now=sum(bin_.now for bin_ in rest))
    return [*(bin_ for place, bin_ in enumerate(bins) if place in most_changed), joined]


def _pairs(bins: Sequence[Bin]) -> list[Pair]:
    largest = max([share for bin_ in bins for share in (bin_.before, bin_.now)], default=0) or 1.0
    scale = Scale(0, largest, 0, BARS - NAMES)
    return [
        Pair(
            name=bin_.label
            if len(bin_.label) <= MOST_CHARACTERS
            else f"{bin_.label[: MOST_CHARACTERS - 1]}…",
            whole=bin_.label,
            top=TOP + ROW * place,
            before=scale(bin_.before),
            now=scale(bin_.now),
            shares=f"{numbers.percent(bin_.before, 1)} → {numbers.percent(bin_.now, 1)}",
        )
        for place, bin_ in enumerate(bins)
    ]
