"""What a search hands on, and what it says of all that it tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.artifacts.search import Measured, Tried
from trimtab.config.chains import Chain
from trimtab.search import worth
from trimtab.search.findings import Findings
from trimtab.search.space import epochs_of


def choose(findings: Findings, most: int) -> list[Chain]:
    """Returns at most so many chains: first what none is better than, of these the largest expected gain."""
    points = {
        chain: (measured.strain + measured.doubt, findings.cost(measured))
        for chain, measured in findings.usable().items()
        if worth.is_within(measured, findings.budget) >= worth.HOPELESS
    }
    chosen = list[Chain]()
    for front in worth.fronts(points):
        for chain in sorted(front, key=lambda chain: -findings.gain(chain)):
            if not any(_is_like(findings, chain, other) for other in chosen):
                chosen.append(chain)
    return chosen[:most]


def _is_like(findings: Findings, one: Chain, other: Chain) -> bool:
    """Returns whether two chains are of the same methods, and cost the same."""
    costs = [findings.cost(findings.tuned[each]) for each in (one, other)]
    return one.methods == other.methods and max(costs) < min(costs) * (1 + findings.least_saving)


def entries(findings: Findings, chosen: Sequence[Chain]) -> list[Tried]:
    """Returns all that was tried, in order, with what became of it."""
    made = [
        _entry(
            findings,
            chain,
            measured,
            tuned=True,
            epochs=epochs_of((*chain.steps, chain.quantization)),
            chosen=chain in chosen,
            reason="" if chain in chosen else _why_not_chosen(findings, measured),
        )
        for chain, measured in findings.tuned.items()
    ]
    sounded = [
        _entry(
            findings,
            chain,
            measured,
            tuned=False,
            epochs=0,
            reason=findings.why_not(chain, measured)
            or "it was tried without fine-tuning, to tell what it costs",
        )
        for chain, measured in findings.untuned.items()
    ]
    return [*made, *sounded]


def _entry(findings: Findings, chain: Chain, measured: Measured, **fate: Any) -> Tried:
    """Returns the record of a chain: what is known of it, and what became of it."""
    if not measured.reason:
        fate |= {
            "strain": measured.strain,
            "size_bytes": worth.counted(measured, findings.budget),
            "latency_ms": measured.latency_ms,
            "speedup": measured.speed,
            "cost": findings.cost(measured),
        }
    return Tried(candidate=chain.id, recipe=chain.to_json(), **fate)


def _why_not_chosen(findings: Findings, measured: Measured) -> str:
    if measured is findings.baseline:
        return "it is the baseline"
    if reason := worth.why_not(measured, findings.baseline, findings.budget):
        return reason
    if worth.is_within(measured, findings.budget) < worth.HOPELESS:
        return f"it loses {measured.strain:.1f} times what the budget allows, on validation rows"
    return "others are as good in loss and cost, or better"
