"""Which channels stay under a target of the whole model: all groups are ranked together.

A set of channels is worth what it counts for what it costs; the least worth go first, until the model is as
small as asked. So layers that cost much and give little lose more than others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import keras
import numpy as np

from trimtab.compress.graph.dependency import Dependencies, Slot, name_of, named_weights
from trimtab.compress.graph.selection import groups, kept, rounded_width
from trimtab.errors import CompressionError
from trimtab.models import cost
from trimtab.models.keras_graph import calls

COUNTED = ("parameters", "macs")
"""What can be counted without cutting the model. Bytes are ranked by the first: that is what they are of."""

LEAST = 1 / 8
"""Share of its channels that every group keeps, whatever the ranking says."""


class Costs:
    """What a model costs where some channels stay, without making it.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        measured: What else is counted, by its unit, of what can only be told of the model that is cut.
    """

    def __init__(
        self,
        model: keras.Model,
        dependencies: Dependencies,
        measured: Mapping[str, Callable[[np.ndarray], float]] = MappingProxyType({}),
    ) -> None:
        self._measured = measured
        slots: dict[tuple[str, str], list[Slot]] = {}
        for slot in dependencies.slots.values():
            slots.setdefault((slot.layer, slot.weight), []).append(slot)
        self._parts: dict[str, list[tuple[int, list[Slot]]]] = {
            "parameters": [
                (math.prod(weight.shape), slots.get((layer.name, name), []))
                for layer in model.layers
                for name, weight in named_weights(layer).items()
            ],
            "macs": [
                (
                    times * math.prod(weight.shape),
                    slots.get((node.operation.name, name_of(node.operation, weight)), []),
                )
                for node in calls(model)
                for weight, times in cost.uses(node)
            ],
        }

    def of(self, keep: np.ndarray, unit: str) -> float:
        """Returns the parameters, multiply-accumulates or what else, where ``keep`` of the channels stay."""
        if unit in self._measured:
            return self._measured[unit](keep)
        return sum(_left(size, slots, keep) for size, slots in self._parts[unit])


def _left(size: int, slots: list[Slot], keep: np.ndarray) -> int:
    for slot in slots:
        size = size // len(slot.channels) * int(keep[slot.channels].sum())
    return size


def choose_within(
    model: keras.Model,
    dependencies: Dependencies,
    most: Mapping[str, float],
    scores: np.ndarray,
    costs: Costs | None = None,
) -> np.ndarray:
    """Chooses the channels that stay so that the model costs at most so much.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        most: The most of each unit, such as ``macs``.
        scores: The importance of every set, ``(channels,)``.
        costs: What counts units beside ``macs`` and ``parameters``, too.

    Returns:
        For every channel whether it stays, ``(channels,)`` of bool; the same within a set.

    Raises:
        CompressionError: If it cannot become so small.
    """
    costs, ranking = costs or Costs(model, dependencies), _ranking(model, dependencies, most, scores)

    def narrowed(count: int) -> np.ndarray:
        return kept(dependencies, _widths(dependencies, ranking[:count]), scores)

    def fits(count: int) -> bool:
        return all(costs.of(narrowed(count), unit) <= limit for unit, limit in most.items())

    if not fits(len(ranking)):
        smallest = narrowed(len(ranking))
        found = ", ".join(f"{costs.of(smallest, unit):,.0f} {unit}" for unit in most)
        asked = ", ".join(f"{limit:,.0f} {unit}" for unit, limit in most.items())
        raise CompressionError(
            f"expected at most {asked}; without channels that have to stay, it has {found}",
            field=model.name,
            hint="Ask for a larger share.",
        )
    low, high = -1, len(ranking)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return narrowed(high)


def _ranking(
    model: keras.Model, dependencies: Dependencies, most: Mapping[str, float], scores: np.ndarray
) -> list[frozenset[str]]:
    """Returns the group that loses its next set, for every set that may go, the least worth first."""
    costs, everything = Costs(model, dependencies), np.ones(len(dependencies.sets), bool)
    roots, units = dependencies.sets.roots(), [unit for unit in most if unit in COUNTED] or COUNTED[:1]
    worth: list[tuple[float, int, frozenset[str]]] = []
    for makers, members in groups(dependencies).items():
        without = roots != members[0]
        saved = sum(1 - costs.of(without, unit) / costs.of(everything, unit) for unit in units)
        least = max(1, math.ceil(LEAST * len(members)))
        ordered = np.sort(scores[members])[: len(members) - least]
        worth += [(float(score) / saved, len(worth) + i, makers) for i, score in enumerate(ordered) if saved]
    return [makers for *_, makers in sorted(worth, key=lambda entry: entry[:2])]


def _widths(dependencies: Dependencies, removed: list[frozenset[str]]) -> dict[frozenset[str], int]:
    return {
        makers: min(len(members), rounded_width(len(members), len(members) - removed.count(makers)))
        if makers in removed
        else len(members)
        for makers, members in groups(dependencies).items()
    }
