"""How new training rows differ from the champion's, in words."""

from __future__ import annotations

from trimtab.data.champion.drift import DriftReport, FeatureDrift

_MOST = 6
_LEAST_SHIFT, _LEAST_RATIO = 0.1, 1.2
"""From where on a size is worth a word: what has drifted is past the limits of one of them."""


def change(feature: FeatureDrift) -> str:
    """Returns what has changed, and by how much, such as ``x, values: PSI 0.10, mean moved by 0.31 sd``."""
    sizes = [f"PSI {feature.psi:.2f}"]
    if feature.shift_sd >= _LEAST_SHIFT:
        sizes.append(f"mean moved by {feature.shift_sd:.2f} sd")
    if feature.share_ratio >= _LEAST_RATIO:
        sizes.append(f"a share changed {feature.share_ratio:.1f} times")
    return f"{feature.name}, {feature.aspect}: {', '.join(sizes)}"


def changes(drift: DriftReport | None) -> str:
    """Returns what has drifted, of many columns the first; nothing where nothing has."""
    told = [change(feature) for feature in drift.drifted] if drift else []
    more = len(told) - _MOST
    return "; ".join(told[:_MOST]) + (f"; and {more} more" if more > 0 else "")
