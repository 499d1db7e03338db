"""Which channels stay: the most important ones of every group, by the scores of a criterion.

Source: Fang et al., "DepGraph: Towards Any Structural Pruning", 2023 (groups).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import keras
import numpy as np

from trimtab.compress.graph.criteria import norms
from trimtab.compress.graph.dependency import Dependencies
from trimtab.errors import CompressionError
from trimtab.models import cost

_MULTIPLES = (8, 4, 2)
_TOLERANCE = 0.05


def choose(
    model: keras.Model,
    dependencies: Dependencies,
    ratio: float,
    scores: np.ndarray | None = None,
    whole: Mapping[frozenset[str], int] | None = None,
) -> np.ndarray:
    """Chooses the channels that stay, an equal share of every group.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        ratio: Share of the channels to remove in every group.
        scores: The importance of every set, ``(channels,)``; None: by norms.
        whole: How many sets each group had before it was ever cut, if the ratio is of those.

    Returns:
        For every channel whether it stays, ``(channels,)`` of bool; the same within a set. All do where a
        group has too few for the ratio.
    """
    scores = norms(model, dependencies) if scores is None else scores
    found = groups(dependencies)
    had = whole or {makers: len(members) for makers, members in found.items()}
    widths = {makers: min(len(members), kept_width(had[makers], ratio)) for makers, members in found.items()}
    return kept(dependencies, widths, scores)


def kept(dependencies: Dependencies, widths: Mapping[frozenset[str], int], scores: np.ndarray) -> np.ndarray:
    """Returns which channels stay where each group keeps so many sets, those that count most.

    Args:
        dependencies: The model's dependencies.
        widths: How many sets of each group stay.
        scores: The importance of every set, ``(channels,)``.

    Returns:
        ``(channels,)`` of bool.
    """
    stays = np.ones(len(dependencies.sets), bool)
    for makers, members in groups(dependencies).items():
        order = np.argsort(-scores[members], kind="stable")
        stays[members[order[widths[makers] :]]] = False
    keep: np.ndarray = stays[dependencies.sets.roots()]
    return keep


def groups(dependencies: Dependencies) -> dict[frozenset[str], np.ndarray]:
    """Returns the removable sets by the layers that make them: ``(sets of a group,)``, by their roots.

    Each group loses its share, so that every layer keeps at least one channel.
    """
    makers: dict[int, set[str]] = defaultdict(set)
    for maker, width in dependencies.widths.items():
        for root in dependencies.sets.roots(width.channels).tolist():
            makers[root].add(maker)
    members: dict[frozenset[str], list[int]] = defaultdict(list)
    for root, names in makers.items():
        if dependencies.sets.reason(root) is None:
            members[frozenset(names)].append(root)
    return {names: np.array(group) for names, group in members.items()}


def kept_width(count: int, ratio: float) -> int:
    """Returns how many of ``count`` channels stay: at least one, a multiple of 8, 4 or 2 where that is close.

    Kernels of runtimes work on blocks of channels; a width of 32 is no slower than one of 31.
    """
    return rounded_width(count, count * (1 - ratio))


def rounded_width(count: int, exact: float) -> int:
    """Returns a width near an exact one of at most ``count``; see ``kept_width``."""
    for multiple in _MULTIPLES:
        rounded = round(exact / multiple) * multiple
        if 0 < rounded < count and abs(rounded - exact) <= _TOLERANCE * count:
            return rounded
    return max(1, round(exact))


def nothing_to_cut(model: keras.Model, dependencies: Dependencies) -> CompressionError:
    """Returns the error for a model of which no channel can go."""
    return CompressionError(
        f"no channel can be removed: {_why_not(dependencies)}",
        field=model.name,
        hint="The recipes magnitude, two_four and none need no channels that can go.",
    )


def left_whole(dependencies: Dependencies) -> list[str]:
    """Returns a line on the layers around which channels have to stay; none if there are none."""
    layers = _frozen(dependencies)
    return [f"left whole around {', '.join(layers)}"] if layers else []


def _frozen(dependencies: Dependencies) -> list[str]:
    """Returns what is not known of which layers, or not possible."""
    reasons = {dependencies.sets.reason(int(root)) for root in np.unique(dependencies.sets.roots())} - {None}
    return sorted(str(r) for r in reasons if r not in ("the model's input", "the model's output"))


def _why_not(dependencies: Dependencies) -> str:
    layers = _frozen(dependencies)
    if groups(dependencies):
        return "every group has too few for the share that is to go"
    if layers:
        return f"everything has to stay whole around {', '.join(layers)}"
    return "there is no layer between its input and output whose width is free"


def check_shrinkage(
    model: keras.Model, pruned: keras.Model, dependencies: Dependencies, keep: np.ndarray
) -> str:
    """Returns a line on what the cut saved.

    Raises:
        CompressionError: If a layer has not the planned width, or if nothing was saved.
    """
    for width in (*dependencies.widths.values(), *dependencies.counts):
        reached = width.of(pruned.get_layer(width.layer).get_config())
        if reached != int(keep[width.channels].sum()):
            raise CompressionError(
                f"expected {int(keep[width.channels].sum())} channels, reached {reached}", field=width.layer
            )
    sizes = [(cost.parameters(m), cost.macs(m)) for m in (model, pruned)]
    (parameters, macs), (fewer_parameters, fewer_macs) = sizes
    if fewer_parameters >= parameters or fewer_macs >= macs:
        raise CompressionError(
            f"the model did not shrink: {parameters:,} to {fewer_parameters:,} parameters, "
            f"{macs:,} to {fewer_macs:,} multiply-accumulates",
            field=model.name,
        )
    return (
        f"{int(np.sum(~keep)):,} channels removed: parameters {parameters:,} → {fewer_parameters:,}, "
        f"multiply-accumulates {macs:,} → {fewer_macs:,}"
    )
