"""Champion against challenger, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trimtab.artifacts.comparison import Comparison, Rival
from trimtab.artifacts.evaluation import Drop
from trimtab.artifacts.proof import Limit
from trimtab.report.words import numbers
from trimtab.report.words.limits import standing


def no_champion(reasons: list[str]) -> str:
    """Returns why there is nothing to be compared with."""
    return f"there is no champion to be compared with: {'; '.join(reasons)}"


def finding(comparison: Comparison) -> str:
    """Returns what was found of a challenger that was judged, and how sure that is."""
    champion, challenger, loss, gain = (
        comparison.champion,
        comparison.challenger,
        comparison.loss,
        comparison.gain,
    )
    assert champion is not None
    assert challenger is not None
    assert loss is not None
    assert gain is not None
    sure, version = f"{numbers.percent(loss.confidence, 0)} sure", comparison.version
    limit = _loss(loss.upper_bound, champion)
    cost = f"{price(champion, challenger)} ({sure}: at most {comparison.latency_ratio or 0:.2f} times)"
    claim = {
        "better": f"better than v{version}, {sure}",
        "cheaper": f"not worse than v{version}, {sure} (at most {limit}), and cheaper: {cost}",
        "no_gain": f"not worse than v{version}, {sure} (at most {limit}), but not shown to be better, "
        f"and not cheaper: {cost}",
        "unproven": f"not shown to be as good as v{version}: {_unproven(comparison, champion, limit, sure)}",
        "worse": f"worse than v{version}, {sure}, by at least {_loss(-gain.upper_bound, champion)}",
    }[comparison.finding]
    weak = sorted({test.why_not for test in comparison.tests if not test.proven})
    estimated = f" (an estimate: {'; '.join(weak)})" if weak else ""
    return f"{claim}{estimated}; {quality(champion, challenger)} on {loss.examples:,} fresh test examples"


def _unproven(comparison: Comparison, champion: Rival, loss: str, sure: str) -> str:
    """Returns which limits are not shown to hold: of the task's own metric in its words."""
    headline = champion.quality
    said = []
    for limit, test in zip(comparison.limits, comparison.tests, strict=True):
        if test.holds:
            continue
        if headline is not None and limit.name == headline.name and not limit.is_alone:
            said.append(
                f"its loss may be {loss}, {sure}; at most {_loss(limit.max_loss, champion)} is tolerated"
            )
        else:
            upper = limit.loss(math.inf if test.upper_bound is None else test.upper_bound)
            past = "it may be past that by" if limit.is_alone else "its loss may be"
            said.append(f"{limit.name} must be {_against(limit)}, and {past} {upper}, {sure}")
    return "; ".join(said)


def _against(limit: Limit) -> str:
    """Returns what a limit allows, with the champion in the baseline's place."""
    return limit.allowed.replace("the baseline's", "the champion's")


def more_examples(needed: int | None) -> str:
    """Returns how many test examples would show what was not shown, or nothing where no number would."""
    return "" if needed is None else f"; about {needed:,} with the same rates would show it"


def quality(champion: Rival, challenger: Rival) -> str:
    """Returns what both score, such as ``accuracy 97.20 % against 95.10 %``."""
    name = challenger.quality.name if challenger.quality else "quality"
    return f"{name} {numbers.quality(challenger.quality)} against {numbers.quality(champion.quality)}"


def price(champion: Rival, challenger: Rival) -> str:
    """Returns what both cost, such as ``20.1 kB against 20.3 kB, 0.041 ms against 0.043 ms``."""
    sizes = (numbers.size(rival.size_bytes) for rival in (challenger, champion))
    times = (f"{numbers.milliseconds(rival.latency_ms.p50)} ms" for rival in (challenger, champion))
    return f"{' against '.join(sizes)}, {' against '.join(times)}"


def rivals(comparison: Comparison | None) -> list[list[str]]:
    """Returns what was measured of both, as ``[what, champion, challenger]``; none if not judged."""
    if comparison is None or comparison.champion is None or comparison.challenger is None:
        return []
    both = (comparison.champion, comparison.challenger)
    name = comparison.champion.quality.name if comparison.champion.quality else "quality"
    return [
        [name[:1].upper() + name[1:], *(numbers.quality(rival.quality) for rival in both)],
        ["Size of the file", *(numbers.size(rival.size_bytes) for rival in both)],
        ["Latency, median", *(f"{numbers.milliseconds(rival.latency_ms.p50)} ms" for rival in both)],
    ]


def proofs(comparison: Comparison | None) -> list[list[str]]:
    """Returns what each loses against the other, as ``[who, observed, at most]``, and what is tolerated."""
    if (
        comparison is None
        or comparison.champion is None
        or comparison.loss is None
        or comparison.gain is None
    ):
        return []
    unit = comparison.champion.quality.unit if comparison.champion.quality else ""

    def line(who: str, drop: Drop) -> list[str]:
        return [who, *(f"{numbers.points(value)} {unit}" for value in (drop.observed, drop.upper_bound))]

    rows = [line("of the challenger", comparison.loss), line("of the champion", comparison.gain)]
    if comparison.tolerated is not None:
        rows.append(["tolerated as not worse", "", f"{numbers.points(comparison.tolerated)} {unit}"])
    return [*rows, *_other_limits(comparison)]


def _other_limits(comparison: Comparison) -> Iterator[list[str]]:
    """Yields how the challenger stands to each limit beside the task's own."""
    headline = comparison.champion.quality if comparison.champion else None
    for limit, test in zip(comparison.limits, comparison.tests, strict=True):
        if headline is None or limit.name != headline.name:
            seen = numbers.ABSENT if test.loss is None else limit.loss(test.loss)
            yield [f"{limit.name}, {_against(limit)}", seen, standing(limit, test)]


def _loss(value: float, rival: Rival) -> str:
    headline = rival.quality
    if headline is not None and headline.better == "lower":
        return f"{numbers.percent(value)} more error"
    return f"{numbers.points(value)} points of {headline.name if headline else 'quality'}"
