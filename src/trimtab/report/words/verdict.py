"""The outcome of a run in a sentence."""

from __future__ import annotations

from typing import Literal

from trimtab.artifacts.comparison import Comparison
from trimtab.artifacts.retraining import Retraining
from trimtab.artifacts.selection import CandidateResult
from trimtab.config.chains import BASELINE
from trimtab.report.result import Result
from trimtab.report.words import numbers
from trimtab.report.words import proof as words
from trimtab.tasks.registry import task

Status = Literal["chosen", "within", "untested", "over", "not made"]

_ADVICE = " `--force --reason TEXT` promotes the challenger all the same."
_UNJUDGED = ("no_champion", "over_budget")


def find_candidate(result: Result, identifier: str | None) -> CandidateResult | None:
    """Returns the candidate of that id, or None."""
    return next((candidate for candidate in result.candidates if candidate.id == identifier), None)


def over_what(result: Result, candidate: CandidateResult) -> list[str]:
    """Returns which limits of the budget a candidate breaks, in a word each."""
    budget, broken = result.budget, []
    before = result.baseline.latency_ms.p50 if result.baseline and result.baseline.latency_ms else None
    latency, size = (budget.latency_limit_ms(before), budget.max_size_kb) if budget else (None, None)
    if _is_too_bad(result, candidate):
        broken.append("quality")
    if result.proof and (candidate.id in result.proof.not_tested or _was_no_contender(candidate)):
        broken.append("untested")
    if candidate.latency_ms and latency is not None and candidate.latency_ms.p50_upper > latency:
        broken.append("latency")
    if candidate.counted_bytes and size is not None and candidate.counted_bytes > 1000 * size:
        broken.append("size")
    return broken


def _is_too_bad(result: Result, candidate: CandidateResult) -> bool:
    """Returns whether a candidate was tested and failed; an estimate tests all, and stops at none."""
    if result.proof is None or result.proof.rule != "estimate":
        return result.proof is not None and candidate.id in result.proof.stopped_at
    return any(test.candidate == candidate.id and not test.passed for test in result.proof.tested)


def _was_no_contender(candidate: CandidateResult) -> bool:
    """Returns whether a candidate was not tested for nothing but its cost beside the baseline's."""
    return bool(candidate.reasons) and all(reason.startswith("not tested: ") for reason in candidate.reasons)


def is_untested(result: Result, candidate: CandidateResult) -> bool:
    """Returns whether nothing is wrong with a candidate but that it was not tested."""
    return over_what(result, candidate) == ["untested"]


def status(result: Result, candidate: CandidateResult) -> Status:
    """Returns the verdict on a candidate in a word or two."""
    if not candidate.ok:
        return "not made"
    if candidate.id == result.chosen:
        return "chosen"
    if candidate.within_budget:
        return "within"
    return "untested" if is_untested(result, candidate) else "over"


def sentence(result: Result) -> str:
    """Returns what was deployed, how much cheaper it is, and at what proven loss; or why nothing was."""
    if result.status == "failed":
        return _failed(result)
    if result.retrain is not None:
        return _retrained(result, result.retrain)
    chosen, comparison = find_candidate(result, result.chosen), result.comparison
    if chosen is None:
        return _over_budget(result)
    if comparison is None or comparison.finding in _UNJUDGED:
        return f"{_what(result, chosen)}; {proof(result, chosen)}."
    if not comparison.promote:
        return _why_champion_stays(result, comparison)
    replaced = f"It replaces v{comparison.version}{_forced(comparison)}: {comparison.why}."
    return f"{_what(result, chosen)}; {proof(result, chosen)}. {replaced}"


def costs(baseline: CandidateResult, chosen: CandidateResult) -> list[str]:
    """Returns how much smaller and faster a candidate is, such as ``3.9x smaller (312 kB to 80.1 kB)``."""
    texts = []
    size = numbers.factor(baseline.counted_bytes, chosen.counted_bytes, "smaller", "larger")
    if size:
        how = " after gzip" if chosen.size_counts == "gzip" else ""
        sizes = (numbers.size(each.counted_bytes) for each in (baseline, chosen))
        texts.append(f"{size}{how} ({' to '.join(sizes)})")
    before = baseline.latency_ms.p50 if baseline.latency_ms else None
    after = chosen.latency_ms.p50 if chosen.latency_ms else None
    speed = numbers.factor(before, after, "faster", "slower")
    if speed:
        texts.append(f"{speed} ({numbers.milliseconds(before)} to {numbers.milliseconds(after)} ms)")
    return texts


def proof(result: Result, candidate: CandidateResult) -> str:
    """Returns the quality of a candidate and what is proven of its loss, with confidence and examples."""
    name = candidate.quality.name if candidate.quality else "quality"
    count = result.proof.folds if result.proof else 1
    whose = "its" if count == 1 else f"out of fold, the mean over {count} models that are made like it, its"
    quality = f"{whose} {name} is {numbers.quality(candidate.quality)}"
    drop = candidate.drop
    if drop is None:
        return quality
    used = result.proof.reuse if result.proof else None
    again = f", decision {used.decisions} on them" if used and used.decisions > 1 else ""
    examples = f"({drop.examples:,} test examples{_of_them(result, drop.examples)}{again})"
    if candidate.id == BASELINE or result.proof is None:
        return f"{quality} {examples}"
    metric = candidate.quality.metric if candidate.quality else ""
    return f"{quality}, {words.claim(result.proof, metric)} {examples}"


def _of_them(result: Result, examples: int) -> str:
    """Returns how many of the test examples are different, where copies are among them, and that is known."""
    found = (reach for reach in result.data.reach if not reach.grouped) if result.data else ()
    different = {reach.distinct or examples for reach in found if reach.examples == examples} - {examples}
    return f", {min(different):,} of them different" if different else ""


def _what(result: Result, chosen: CandidateResult) -> str:
    if chosen.id == BASELINE:
        return f"Deployed the baseline itself, as {_why_the_baseline(result)}"
    cheaper = costs(result.baseline, chosen) if result.baseline else []
    than = f": {' and '.join(cheaper)} than the baseline" if cheaper else ""
    return f"Deployed {chosen.id}{than}"


def _why_the_baseline(result: Result) -> str:
    proof = result.proof
    if proof is None or not proof.tested or proof.passed:
        return "no candidate inside the budget is cheaper"
    many = "the only candidate that was tested is not" if len(proof.tested) == 1 else "no candidate is"
    return f"{many} {'proven' if proof.proven else 'estimated'} to be as good as the budget demands"


def _over_budget(result: Result) -> str:
    count = sum(candidate.ok for candidate in result.candidates)
    failed = len(result.candidates) - count
    could_not = f" ({failed} more could not be made)" if failed else ""
    who = (
        "the only candidate does not meet"
        if count == 1
        else f"none of the {count} candidates{could_not} meets"
    )
    return f"Nothing was deployed: {who} the budget."


def _why_champion_stays(result: Result, comparison: Comparison) -> str:
    """Returns why the champion stays, and how to replace it all the same."""
    if comparison.finding == "identical":
        return f"Nothing new: {result.chosen} was chosen, and {comparison.why}."
    who = "" if comparison.finding == "no_answer" else f"the challenger {result.chosen} is "
    return f"Champion v{comparison.version} stays: {who}{comparison.why}.{_ADVICE}"


def _forced(comparison: Comparison) -> str:
    return f", forced by {comparison.forced.by} ({comparison.forced.reason})" if comparison.forced else ""


def _retrained(result: Result, retraining: Retraining) -> str:
    """Returns what became of the champion, and why."""
    if not retraining.needed:
        return f"Nothing new: {'; '.join(retraining.reasons)}."
    stays = "" if retraining.champion is None else f"Champion v{retraining.champion} stays"
    comparison = retraining.comparison
    if comparison is None or result.chosen is None:
        return f"{_over_budget(result)} {stays + '.' if stays else ''}".strip()
    if comparison.finding == "identical" and not comparison.promote:
        return _why_champion_stays(result, comparison)
    if not comparison.promote:
        who = "" if comparison.finding == "no_answer" else f"the challenger {result.chosen} is "
        return f"{stays}: {who}{comparison.why}.{_ADVICE if comparison.finding == 'no_answer' else ''}"
    version = (result.deployed or "").rstrip("/").rpartition("/")[2]
    it_is = f" It is the baseline itself, as {_why_the_baseline(result)}." if _is_baseline(result) else ""
    return f"Deployed {result.chosen} as v{version}{_forced(comparison)}: {comparison.why}.{it_is}"


def _is_baseline(result: Result) -> bool:
    return result.status == "baseline_deployed"


def _failed(result: Result) -> str:
    first = result.errors[0]
    more = f", and {len(result.errors) - 1} more" if len(result.errors) > 1 else ""
    headline = first.message.splitlines()[0].rstrip(".")
    return f"The run failed in {first.stage}{more}: {headline}. Nothing was deployed."


def as_it_came(result: Result) -> str:
    """Returns what a model that was brought scored before anything was done to it; else nothing."""
    came = result.as_it_came
    if came is None:
        return ""
    headline = task(came.task).judging.headline
    value = headline.text(came.value)
    return f"The model as it came: {headline.name} {value} on {came.examples:,} validation examples."
