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


def finding(found: Comparison) -> str:
    """Returns what was found of a challenger that was judged, and how sure that is."""
    champion, challenger, loss, gain = found.champion, found.challenger, found.loss, found.gain
    assert champion is not None
    assert challenger is not None
    assert loss is not None
    assert gain is not None
    sure, version = f"{numbers.percent(loss.confidence, 0)} sure", found.version
    limit = _loss(loss.upper_bound, champion)
    cost = f"{price(champion, challenger)} ({sure}: at most {found.latency_ratio or 0:.2f} times)"
    claim = {
        "better": f"better than v{version}, {sure}",
        "cheaper": f"not worse than v{version}, {sure} (at most {limit}), and cheaper: {cost}",
        "no_gain": f"not worse than v{version}, {sure} (at most {limit}), but not proven better, "
        f"and not cheaper: {cost}",
        "unproven": f"not shown to be as good as v{version}: {_unproven(found, champion, limit, sure)}",
        "worse": f"worse than v{version}, {sure}, by at least {_loss(-gain.upper_bound, champion)}",
    }[found.finding]
    weak = sorted({test.why_not for test in found.tests if not test.proven})
    estimated = f" (an estimate: {'; '.join(weak)})" if weak else ""
    return f"{claim}{estimated}; {quality(champion, challenger)} on {loss.examples:,} fresh test examples"


def _unproven(found: Comparison, champion: Rival, limit: str, sure: str) -> str:
    """Returns which limits are not shown to hold: of the task's own metric in its words."""
    own = champion.quality
    said = []
    for one, test in zip(found.limits, found.tests, strict=True):
        if test.holds:
            continue
        if own is not None and one.name == own.name and not one.is_alone:
            said.append(
                f"its loss may be {limit}, {sure}; at most {_loss(one.max_loss, champion)} is tolerated"
            )
        else:
            upper = one.loss(math.inf if test.upper_bound is None else test.upper_bound)
            past = "it may be past that by" if one.is_alone else "its loss may be"
            said.append(f"{one.name} must be {_against(one)}, and {past} {upper}, {sure}")
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
    """Returns what both cost, such as ``20.1 KB against 20.3 KB, 0.041 ms against 0.043 ms``."""
    sizes = (numbers.size(one.size_bytes) for one in (challenger, champion))
    times = (f"{numbers.milliseconds(one.latency_ms.p50)} ms" for one in (challenger, champion))
    return f"{' against '.join(sizes)}, {' against '.join(times)}"


def rivals(found: Comparison | None) -> list[list[str]]:
    """Returns what was measured of both, as ``[what, champion, challenger]``; none if not judged."""
    if found is None or found.champion is None or found.challenger is None:
        return []
    both = (found.champion, found.challenger)
    name = found.champion.quality.name if found.champion.quality else "quality"
    return [
        [name[:1].upper() + name[1:], *(numbers.quality(one.quality) for one in both)],
        ["Size of the file", *(numbers.size(one.size_bytes) for one in both)],
        ["Latency, median", *(f"{numbers.milliseconds(one.latency_ms.p50)} ms" for one in both)],
    ]


def proofs(found: Comparison | None) -> list[list[str]]:
    """Returns what each loses against the other, as ``[who, observed, at most]``, and what is tolerated."""
    if found is None or found.champion is None or found.loss is None or found.gain is None:
        return []
    unit = found.champion.quality.unit if found.champion.quality else ""

    def line(who: str, drop: Drop) -> list[str]:
        return [who, *(f"{numbers.points(value)} {unit}" for value in (drop.observed, drop.upper_bound))]

    rows = [line("of the challenger", found.loss), line("of the champion", found.gain)]
    if found.tolerated is not None:
        rows.append(["tolerated as not worse", "", f"{numbers.points(found.tolerated)} {unit}"])
    return [*rows, *_other_limits(found)]


def _other_limits(found: Comparison) -> Iterator[list[str]]:
    """Yields how the challenger stands to each limit beside the task's own."""
    own = found.champion.quality if found.champion else None
    for limit, test in zip(found.limits, found.tests, strict=True):
        if own is None or limit.name != own.name:
            seen = numbers.ABSENT if test.loss is None else limit.loss(test.loss)
            yield [f"{limit.name}, {_against(limit)}", seen, standing(limit, test)]


def _loss(value: float, rival: Rival) -> str:
    own = rival.quality
    if own is not None and own.better == "lower":
        return f"{numbers.percent(value)} more error"
    return f"{numbers.points(value)} points of {own.name if own else 'quality'}"
