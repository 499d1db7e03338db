"""The outcome of a run in a few words: the first that a reader sees."""

from __future__ import annotations

from trimtab.artifacts.selection import CandidateResult
from trimtab.config.chains import BASELINE
from trimtab.report.result import Result
from trimtab.report.words import numbers
from trimtab.report.words.verdict import find_candidate


def headline(result: Result) -> str:
    """Returns what came of a run, without reasons."""
    version = _in_service(result)
    if result.status == "failed":
        return f"The run failed in {result.errors[0].stage}. Nothing was deployed."
    if result.status == "up_to_date":
        return f"Nothing new: {version or 'the model in service'} stays"
    if result.status == "champion_kept":
        return f"{version or 'The model in service'} stays in service".replace("version", "Version", 1)
    chosen = find_candidate(result, result.chosen)
    if chosen is None:
        stays = f": {version} stays" if version else ""
        return f"Nothing was deployed: no candidate meets the budget{stays}"
    if result.status == "baseline_deployed" or chosen.id == BASELINE:
        return "The trained model itself was deployed: nothing cheaper was good enough"
    cheaper = factors(result.baseline, chosen)
    return f"Deployed: {' and '.join(cheaper) if cheaper else chosen.id}"


def factors(baseline: CandidateResult | None, chosen: CandidateResult) -> list[str]:
    """Returns how many times smaller and faster than the baseline a candidate is: ``3.9x smaller``."""
    if baseline is None:
        return []
    before, after = (
        candidate.latency_ms.p50 if candidate.latency_ms else None for candidate in (baseline, chosen)
    )
    texts = (
        numbers.factor(baseline.counted_bytes, chosen.counted_bytes, "smaller", "larger"),
        numbers.factor(before, after, "faster", "slower"),
    )
    return [text for text in texts if text]


def _in_service(result: Result) -> str:
    version = result.retrain.champion if result.retrain else None
    if version is None and result.comparison is not None:
        version = result.comparison.version
    return "" if version is None else f"version {version}"
