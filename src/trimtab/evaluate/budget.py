"""Which candidates are within the budget, why the others are not, and which one is shipped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.artifacts.evaluation import Drop, Latency
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.config.budget import Budget
from trimtab.evaluate.latency import NOISE
from trimtab.tasks import registry as tasks


@dataclass(frozen=True)
class Finalist:
    """What the budget judges of a candidate.

    Attributes:
        name: The candidate's id.
        drop: The loss against the baseline, with its limit as if there were no other candidate.
        latency: Measured beside the other finalists.
        size_bytes: Bytes of the model file, or after gzip: see `budget.size`.
        examples_needed: About how many test examples would prove its drop, if known.
        tests: How it stands to each limit of quality, as if there were no other candidate.
        speedup: The baseline's median latency over its own, measured in turns.
        least_speedup: The lower end of its interval over processes.
    """

    name: str
    drop: Drop
    latency: Latency
    size_bytes: int
    examples_needed: int | None = None
    tests: Sequence[LimitTest] = ()
    speedup: float = 1.0
    least_speedup: float = 1.0


def over_costs(finalist: Finalist, budget: Budget) -> list[str]:
    """Returns which limits of latency and size a candidate breaks, in words."""
    broken = []
    measured = finalist.latency
    if budget.max_latency_ms is not None and measured.p50_upper > budget.max_latency_ms:
        p50, limit = _apart(measured.p50_upper, budget.max_latency_ms)
        seen = _seen(measured, "upper", f"{measured.p50:.3g} ms")
        broken.append(f"median latency {p50} ms > {limit} ms on this machine{seen}")
    if budget.min_speedup is not None and finalist.least_speedup < budget.min_speedup:
        speedup, limit = _apart(finalist.least_speedup, budget.min_speedup)
        seen = _seen(measured, "lower", f"{finalist.speedup:.3g} times")
        broken.append(f"{speedup} times as fast as the baseline < {limit} times{seen}")
    if budget.max_size_kb is not None and finalist.size_bytes > budget.max_size_kb * 1000:
        size, limit = _apart(finalist.size_bytes / 1000, budget.max_size_kb)
        broken.append(f"size {size} kB > {limit} kB")
    return broken


def _seen(measured: Latency, end: str, observed: str) -> str:
    """Returns what an end of an interval is of, in words; nothing where there is no interval."""
    processes = len(measured.medians)
    return f" (the {end} end over {processes} processes; {observed} observed)" if processes else ""


def unproven(limit: Limit, test: LimitTest, examples: int, task: str) -> str:
    """Returns in words why a limit of the quality is not proven.

    Args:
        limit: The limit.
        test: How the candidate stands to it.
        examples: Of the test.
        task: The task's name.
    """
    sure = f"{100 * test.confidence:.3g} % confidence, {examples:,} examples"
    headline = tasks.task(task).judging.headline
    is_own = limit.metric == headline.metric and not limit.output
    if is_own and not limit.part and not limit.is_alone:
        bound, allowed = _apart(100 * _number(test.upper_bound), 100 * limit.max_loss)
        observed, _ = _apart(100 * _number(test.loss), 100 * limit.max_loss)
        return headline.unproven(bound, observed, allowed, sure)
    upper, seen = (limit.loss(_number(value)) for value in (test.upper_bound, test.loss))
    if limit.is_alone:
        text = "unknown" if test.value is None else f"{test.value:.4g}"
        return f"{limit.name} must be {limit.allowed}: it is {text}, and may be past that by {upper} ({sure})"
    return (
        f"{limit.name} could be worse by {upper} ({sure}, by {test.method}); it may be {limit.allowed}, "
        f"{seen} observed"
    )


def relative_cost(finalist: Finalist, baseline: Finalist, budget: Budget) -> float:
    """Returns the cost over the baseline's by the objective; ``balanced``: the geometric mean of both."""
    cost = _cost(finalist, baseline, budget.objective)
    return math.exp(cost / 2 if budget.objective == "balanced" else cost)


def no_gain(finalist: Finalist, baseline: Finalist, budget: Budget) -> str:
    """Returns why a candidate that costs no less than the baseline is not tested, with what was measured."""
    latency = (
        f"{finalist.latency.p50:.3g} ms against {baseline.latency.p50:.3g}, "
        f"{finalist.latency.p50 / baseline.latency.p50:.3g} times as long"
    )
    size = f"{finalist.size_bytes / 1000:,.1f} kB against {baseline.size_bytes / 1000:,.1f}"
    measured = {"latency": latency, "size": size, "balanced": f"{latency}; {size}"}[budget.objective]
    return f"not tested: it costs no less than the baseline ({measured})"


def choose(within: Sequence[Finalist], baseline: Finalist, budget: Budget) -> tuple[Finalist, str]:
    """Returns the best candidate by the budget's objective, and why it won.

    ``latency`` takes the lowest median latency, ``size`` the smallest file, ``balanced`` the lowest sum of
    the logarithms of both relative to the baseline: half the size weighs as much as half the time. Where
    latency counts, candidates within 3 % of the best are as good as the best, because repeated measurements
    differ by as much; among them the smallest file wins, then the lowest limit of the drop, then the id.

    Args:
        within: The candidates within the budget, at least one.
        baseline: What sizes and latencies are relative to.
        budget: The limits and the objective.
    """
    costs = {finalist.name: _cost(finalist, baseline, budget.objective) for finalist in within}
    noise = 0.0 if budget.objective == "size" else math.log1p(NOISE)
    best = min(costs.values())
    tied = [finalist for finalist in within if costs[finalist.name] <= best + noise]
    chosen = min(tied, key=lambda f: (f.size_bytes, f.drop.upper_bound, f.name))
    return chosen, _why(chosen, baseline, budget.objective, len(within), len(tied))


def nothing_passes(
    finalists: Sequence[Finalist],
    reasons: Mapping[str, list[str]],
    budget: Budget,
    limits: Sequence[Limit],
) -> str:
    """Returns what came closest to the budget, and what to change.

    Args:
        finalists: At least one.
        reasons: Why each is not within the budget.
        budget: Of latency and size.
        limits: Of the quality.
    """
    closest = min(finalists, key=lambda finalist: _excess(finalist, budget, limits))
    why = "; ".join(reasons[closest.name])
    advice = _advice(closest, budget)
    return f"No candidate is within the budget. Closest: {closest.name} ({why}). {advice}"


def _cost(finalist: Finalist, baseline: Finalist, objective: str) -> float:
    latency = math.log(finalist.latency.p50 / baseline.latency.p50)
    size = math.log(finalist.size_bytes / baseline.size_bytes)
    return {"latency": latency, "size": size, "balanced": latency + size}[objective]


def _why(chosen: Finalist, baseline: Finalist, objective: str, within: int, tied: int) -> str:
    best = {
        "latency": "the fastest",
        "size": "the smallest",
        "balanced": "the best balance of speed and size",
    }
    among = (
        f"{best[objective]} of {within} candidates within the budget"
        if within > 1
        else ("the only candidate within the budget")
    )
    text = f"{chosen.name} is {among}: {_numbers(chosen)}"
    if chosen.name != baseline.name:
        text += f", against {_numbers(baseline)} for the baseline"
    if tied > 1:
        equal = "equal in size" if objective == "size" else f"as good within the noise of {NOISE:.0%}"
        then = "the drop decided" if objective == "size" else "it is the smallest of them"
        text += f"; {tied - 1} more {'is' if tied == 2 else 'are'} {equal}, and {then}"
    return text + "."


def _numbers(finalist: Finalist) -> str:
    return f"{finalist.latency.p50:.3g} ms and {finalist.size_bytes / 1000:,.1f} kB"


def _advice(closest: Finalist, budget: Budget) -> str:
    advice = []
    if broken := [test.limit for test in closest.tests if not test.holds]:
        if closest.examples_needed is not None:
            needed = f"{closest.examples_needed:,}"
            advice.append(f"About {needed} test examples with the same rates would prove its drop.")
        else:
            advice.append(f"For its {', '.join(broken)}: train it longer, compress less, or allow more.")
    if budget.max_latency_ms is not None and closest.latency.p50_upper > budget.max_latency_ms:
        advice.append(f"It needs budget.max_latency_ms: {closest.latency.p50_upper:.3g}, or a smaller model.")
    if budget.min_speedup is not None and closest.least_speedup < budget.min_speedup:
        advice.append(f"It needs budget.min_speedup: {closest.least_speedup:.3g}, or a faster recipe.")
    if budget.max_size_kb is not None and closest.size_bytes > budget.max_size_kb * 1000:
        size = math.ceil(closest.size_bytes / 1000)
        advice.append(f"It needs budget.max_size_kb: {size}, or a smaller model.")
    return " ".join(advice)


def _excess(finalist: Finalist, budget: Budget, limits: Sequence[Limit]) -> float:
    """Returns how many times over the budget a candidate is where it is worst."""
    pairs = zip(limits, finalist.tests, strict=False)  # the baseline has a test of some limits only
    ratios = [_times(limit, test) for limit, test in pairs]
    if budget.max_latency_ms is not None:
        ratios.append(finalist.latency.p50_upper / budget.max_latency_ms)
    if budget.min_speedup is not None:
        ratios.append(budget.min_speedup / finalist.least_speedup)
    if budget.max_size_kb is not None:
        ratios.append(finalist.size_bytes / (budget.max_size_kb * 1000))
    return max(ratios, default=0.0)


def _times(limit: Limit, test: LimitTest) -> float:
    upper = _number(test.upper_bound)
    return upper / limit.max_loss if limit.max_loss else 1 + upper / max(abs(limit.value), 1e-9)


def _number(value: float | None) -> float:
    return math.inf if value is None else value


def _apart(value: float, limit: float) -> tuple[str, str]:
    """Returns two numbers with as many decimals as it takes to tell them apart, two or more."""
    for decimals in range(2, 9):
        texts = f"{value:.{decimals}f}", f"{limit:.{decimals}f}"
        if texts[0] != texts[1] and (float(texts[0]) or not value):
            break
    return texts
