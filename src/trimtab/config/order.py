"""Whether the steps of a chain keep what each makes of the model, as far as their declarations tell."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.config.methods import Method

WORDS = {
    "zeros": "zeros",
    "two_four": "two zeros in every four weights",
    "clusters": "shared weights",
    "widths": "removed channels",
}
"""The traits as people say them."""


def destroyer(steps: Sequence[Method]) -> tuple[int, str] | None:
    """Returns the first step that would destroy what an earlier one made, and why in words; else None.

    Args:
        steps: The steps of a chain in order.
    """
    loss = _first_loss(steps)
    if loss is None:
        return None
    at, earlier, trait = loss
    better = [*steps[:earlier], steps[at], *steps[earlier:at], *steps[at + 1 :]]
    is_last = at + 1 == len(steps)
    if is_last or _first_loss(better) is not None:
        advice = "leave one of them out"
    else:
        advice = f"this order works: [{', '.join(step.name for step in better)}]"
    return at, f"{steps[at].name} would destroy what {steps[earlier].name} made, {WORDS[trait]}; {advice}"


def _first_loss(steps: Sequence[Method]) -> tuple[int, int, str] | None:
    """Returns the place of a step, that of the earliest one whose trait it does not keep, and the trait."""
    makers: dict[str, int] = {}
    for at, step in enumerate(steps):
        lost = [(maker, trait) for trait, maker in makers.items() if trait not in step.keeps]
        if lost:
            return at, *min(lost)
        for trait in step.makes:
            makers.setdefault(trait, at)
    return None
