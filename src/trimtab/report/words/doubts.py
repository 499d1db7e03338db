"""What a proof leaves in doubt, in words."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.artifacts.proof import Proof
from trimtab.report.words import proof as words
from trimtab.report.words.numbers import percent

_LEAST_GAIN = 0.01
"""Of what a limit allows to lose: rounding, too, makes a loss smaller that is measured on many rows."""


def doubts(proof: Proof) -> Iterator[str]:
    """Yields what people should know beside what is proven."""
    if not proof.proven and proof.rule != "estimate":
        yield f"nothing is proven, only estimated: {proof.why_not}"
    if proof.reuse is not None and proof.reuse.rule == "warn" and proof.reuse.decisions > 1:
        yield words.reuse(proof.reuse)
    for name, confidence in _better(proof):
        yield (
            f"{name} is better than the baseline that it was made from, {percent(confidence, 0)} sure by "
            "itself: the baseline was undertrained. Train it longer, or again if it came trained; drops are "
            "measured against it."
        )


def _better(proof: Proof) -> Iterator[tuple[str, float]]:
    """Yields who has no loss but a gain, by a limit against the baseline that is about all test examples."""
    least = {
        limit.name: -_LEAST_GAIN * limit.max_loss
        for limit in proof.limits
        if not limit.is_alone and not limit.part
    }
    for test in proof.tested:
        against = [one for one in test.limits if one.limit in least and one.proven]
        is_better = (one.upper_bound is not None and one.upper_bound < least[one.limit] for one in against)
        if proof.proven and any(is_better):
            yield test.candidate, test.confidence
