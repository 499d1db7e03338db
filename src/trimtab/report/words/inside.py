"""Why the chosen candidate is smaller, faster and a little different, in words."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.artifacts.inside import GraphSize, Inside, LayerInside, OperatorTime
from trimtab.report.words import numbers

_NOTHING = 1e-5
"""What floats are apart that were added in another order."""


def sentences(before: Inside | None, after: Inside | None) -> list[str]:
    """Returns where bytes and time went, and which layer is furthest from Keras, as far as that is known."""
    return [*_bytes(before, after), *_time(before, after), *_error(after)]


def error(value: float | None) -> str:
    """Returns a layer's error as a share of its output, such as ``1.1 %``."""
    if value is None:
        return numbers.ABSENT
    return "none" if value < _NOTHING else f"{numbers.decimal(100 * value, 2)} %"


def loss(value: float | None) -> str:
    """Returns what a layer alone cost, such as ``0.60 points`` of a share, or as an error grew."""
    return numbers.ABSENT if value is None else f"{100 * value:.2f} %"


def operators(before: GraphSize | None, after: GraphSize | None) -> Iterator[str]:
    """Yields how many operators the chosen file is, and what its Keras model and the baseline's file were."""
    if after is None:
        return
    whole = f" of {numbers.size(after.weights_bytes)}" if after.weights_bytes else ""
    came = f"{after.operations} calls of layers{whole} became " if after.operations else ""
    file = f"{after.operators} operators in the file, {after.executed} as it runs"
    was = f" (the baseline's: {before.operators}, {before.executed})" if before else ""
    yield f"{came}{file}{was}."


def total_ms(times: list[OperatorTime]) -> float:
    """Returns the milliseconds of all operators together."""
    return sum(operator.milliseconds for operator in times)


def _bytes(before: Inside | None, after: Inside | None) -> Iterator[str]:
    was = {layer.name: layer.size_bytes for layer in before.layers.layers} if before else {}
    now = {layer.name: layer.size_bytes for layer in after.layers.layers} if after else {}
    saved = {name: was[name] - size for name, size in now.items() if name in was}
    if not saved or max(saved.values()) <= 0:
        return
    name = max(saved, key=saved.__getitem__)
    share = saved[name] / sum(size for size in saved.values() if size > 0)
    yield (
        f"{numbers.percent(share, 0)} of what was saved comes from {name}: "
        f"{numbers.size(was[name])} became {numbers.size(now[name])}."
    )


def _time(before: Inside | None, after: Inside | None) -> Iterator[str]:
    if after is None or not total_ms(after.times):
        return
    slowest = max(after.times, key=lambda operator: operator.milliseconds)
    kind = sum(operator.milliseconds for operator in after.times if operator.kind == slowest.kind)
    share = kind / total_ms(after.times)
    was = (
        sum(operator.milliseconds for operator in before.times if operator.kind == slowest.kind)
        if before
        else 0.0
    )
    change = f", {numbers.milliseconds(was)} ms before" if was else ""
    yield (
        f"{numbers.percent(share, 0)} of the time of its operators goes into {slowest.kind}: "
        f"{numbers.milliseconds(kind)} ms{change}."
    )


def _error(after: Inside | None) -> Iterator[str]:
    known = [layer for layer in after.layers.layers if layer.error is not None] if after else []
    if not known:
        return
    worst: LayerInside = max(known, key=lambda layer: layer.error or 0.0)
    if error(worst.error) == "none":
        yield "No layer answers differently than the Keras model that the file was made from."
    else:
        yield (
            f"Furthest from the Keras model that the file was made from is {worst.name}: its output is off "
            f"by {error(worst.error)}."
        )
