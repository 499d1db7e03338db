"""Champion against challenger, in words."""

from __future__ import annotations

from trimtab.artifacts.comparison import Comparison, Rival
from trimtab.artifacts.evaluation import Drop
from trimtab.report.words import numbers


def no_champion(reasons: list[str]) -> str:
    """Returns why there is nothing to be compared with."""
    return f"there is no champion to be compared with: {'; '.join(reasons)}"


def finding(
    found: str,
    version: int,
    champion: Rival,
    challenger: Rival,
    loss: Drop,
    gain: Drop,
    tolerated: float,
    latency_ratio: float,
) -> str:
    """Returns what was found of a challenger, and how sure that is.

    Args:
        found: The finding, as ``evaluate.challenger.judge`` returns it.
        version: The champion's version.
        champion: What was measured of the champion.
        challenger: What was measured of the challenger.
        loss: What the challenger loses against the champion.
        gain: What the champion loses against the challenger.
        tolerated: The loss that "not worse" tolerates.
        latency_ratio: The upper limit of the challenger's latency over the champion's.
    """
    sure = f"{numbers.percent(loss.confidence, 0)} sure"
    limit, allowed = _loss(loss.upper_bound, champion), _loss(tolerated, champion)
    cost = f"{price(champion, challenger)} ({sure}: at most {latency_ratio:.2f} times)"
    claim = {
        "better": f"better than v{version}, {sure}",
        "cheaper": f"not worse than v{version}, {sure} (at most {limit}), and cheaper: {cost}",
        "no_gain": f"not worse than v{version}, {sure} (at most {limit}), but not proven better, "
        f"and not cheaper: {cost}",
        "unproven": f"not shown to be as good as v{version}: its loss may be {limit}, {sure}; "
        f"at most {allowed} is tolerated",
        "worse": f"worse than v{version}, {sure}, by at least {_loss(-gain.upper_bound, champion)}",
    }[found]
    return f"{claim}; {quality(champion, challenger)} on {loss.examples:,} fresh test examples"


def more_examples(needed: int | None) -> str:
    """Returns how many test examples would show what was not shown, or nothing where no number would."""
    return "" if needed is None else f"; about {needed:,} with the same rates would show it"


def quality(champion: Rival, challenger: Rival) -> str:
    """Returns what both score, such as ``accuracy 97.20 % against 95.10 %``."""
    if "mae" in champion.metrics:
        after, before = (numbers.decimal(one.metrics["mae"], 4) for one in (challenger, champion))
        return f"mean absolute error {after} against {before}"
    after, before = (numbers.percent(one.metrics["accuracy"]) for one in (challenger, champion))
    return f"accuracy {after} against {before}"


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
    if "mae" in found.champion.metrics:
        quality = ["Mean absolute error", *(numbers.decimal(one.metrics["mae"], 4) for one in both)]
    else:
        quality = ["Accuracy", *(numbers.percent(one.metrics["accuracy"]) for one in both)]
    return [
        quality,
        ["Size of the file", *(numbers.size(one.size_bytes) for one in both)],
        ["Latency, median", *(f"{numbers.milliseconds(one.latency_ms.p50)} ms" for one in both)],
    ]


def proofs(found: Comparison | None) -> list[list[str]]:
    """Returns what each loses against the other, as ``[who, observed, at most]``, and what is tolerated."""
    if found is None or found.champion is None or found.loss is None or found.gain is None:
        return []
    unit = "%" if "mae" in found.champion.metrics else "points"

    def line(who: str, drop: Drop) -> list[str]:
        return [who, *(f"{numbers.points(value)} {unit}" for value in (drop.observed, drop.upper_bound))]

    tolerated = ["tolerated as not worse", "", f"{numbers.points(found.tolerated)} {unit}"]
    return [line("of the challenger", found.loss), line("of the champion", found.gain), tolerated]


def _loss(value: float, rival: Rival) -> str:
    if "mae" in rival.metrics:
        return f"{numbers.percent(value)} more error"
    return f"{numbers.points(value)} points of accuracy"
