"""The tables of what is inside the files: layers with bytes and errors, and operators with their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trimtab.artifacts.inside import Inside, LayerInside, OperatorTime
from trimtab.report.html.rows import Cell
from trimtab.report.words import inside as words
from trimtab.report.words import numbers


@dataclass(frozen=True)
class LayerRow:
    """A layer before and after, as far as both have it.

    Attributes:
        was: The length of the bar of its bytes before, 0 to 1 of the largest layer's.
        now: The same after.
        error: How far its output is from the Keras model's.
        loss: What was lost with it alone quantized.
    """

    name: str
    kind: str
    before: Cell
    after: Cell
    was: float
    now: float
    error: Cell
    loss: Cell


@dataclass(frozen=True)
class KindRow:
    """All operators of a kind before and after; cells tell microseconds.

    Attributes:
        was: The length of the bar of their time before, 0 to 1 of the largest's.
        now: The same after.
    """

    kind: str
    counts: str
    before: Cell
    after: Cell
    was: float
    now: float


def layer_rows(before: Inside | None, after: Inside | None) -> list[LayerRow]:
    """Returns the layers in their order: those of the chosen one, and those that only the baseline has."""
    was = {layer.name: layer for layer in before.layers.layers} if before else {}
    now = {layer.name: layer for layer in after.layers.layers} if after else {}
    largest = max([layer.size_bytes for layer in (*was.values(), *now.values())], default=0) or 1
    return [_layer(name, was.get(name), now.get(name), largest) for name in dict.fromkeys([*was, *now])]


def kind_rows(before: Inside | None, after: Inside | None) -> list[KindRow]:
    """Returns the time by kind of operator, the largest of the chosen one's first."""
    was, now = _by_kind(before), _by_kind(after)
    largest = max([spent for _, spent in (*was.values(), *now.values())], default=0.0) or 1.0
    order = sorted(dict.fromkeys([*now, *was]), key=lambda kind: -now.get(kind, (0, 0.0))[1])
    return [_kind(kind, was.get(kind), now.get(kind), largest) for kind in order]


def shown(inside: Mapping[str, Inside], baseline: str | None, chosen: str | None) -> list[Inside | None]:
    """Returns what is inside of the baseline, and of the chosen one: of one alone, it is both."""
    before = inside.get(baseline) if baseline else None
    after = inside.get(chosen) if chosen else None
    return [before, after or before]


def why_not(insides: Sequence[Inside | None]) -> list[str]:
    """Returns why something about the inside is not known, each reason once."""
    return list(dict.fromkeys(_reasons(insides)))


def _reasons(insides: Sequence[Inside | None]) -> Iterator[str]:
    for inside in insides:
        if inside is None:
            continue
        if inside.layers.why_not:
            yield f"Layers: {inside.layers.why_not}."
        if not inside.times:
            yield f"Times of operators: {inside.how_timed or 'not available'}."


def _layer(name: str, was: LayerInside | None, now: LayerInside | None, largest: int) -> LayerRow:
    sizes = [layer.size_bytes if layer else None for layer in (was, now)]
    before, after = (Cell(numbers.size(size), size) for size in sizes)
    error, loss = (now.error, now.loss) if now else (None, None)
    return LayerRow(
        name=name,
        kind=" → ".join(dict.fromkeys(layer.kind for layer in (was, now) if layer)),
        before=before,
        after=after,
        was=(was.size_bytes if was else 0) / largest,
        now=(now.size_bytes if now else 0) / largest,
        error=Cell(words.error(error), error),
        loss=Cell(words.loss(loss), loss),
    )


def _by_kind(inside: Inside | None) -> dict[str, tuple[int, float]]:
    times: Sequence[OperatorTime] = inside.times if inside else []
    kinds: dict[str, tuple[int, float]] = {}
    for operator in times:
        count, spent = kinds.get(operator.kind, (0, 0.0))
        kinds[operator.kind] = count + 1, spent + operator.milliseconds
    return kinds


def _kind(kind: str, was: tuple[int, float] | None, now: tuple[int, float] | None, largest: float) -> KindRow:
    counts = [str(total[0]) if total else "0" for total in (was, now)]
    spent = [total[1] if total else None for total in (was, now)]
    before, after = (Cell(numbers.decimal(None if ms is None else 1000 * ms), ms) for ms in spent)
    return KindRow(
        kind=kind,
        counts=" → ".join(dict.fromkeys(counts)),
        before=before,
        after=after,
        was=(was[1] if was else 0.0) / largest,
        now=(now[1] if now else 0.0) / largest,
    )
