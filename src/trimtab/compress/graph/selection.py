"""Which channels stay: the most important ones of every group.

Source: Li et al., "Pruning Filters for Efficient ConvNets", 2017 (norms); Fang et al., "DepGraph: Towards Any
Structural Pruning", 2023 (the importance of a group).
"""

from __future__ import annotations

from collections import defaultdict

import keras
import numpy as np

from trimtab.compress.graph.dependency import Dependencies, Slot
from trimtab.errors import CompressionError
from trimtab.models import cost

_MULTIPLES = (8, 4, 2)
_TOLERANCE = 0.05


def choose(model: keras.Model, dependencies: Dependencies, ratio: float) -> np.ndarray:
    """Chooses the channels that stay.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        ratio: Share of the channels to remove in every group.

    Returns:
        For every channel whether it stays, ``(channels,)`` of bool; the same within a set.

    Raises:
        CompressionError: If every group has to stay whole.
    """
    roots, scores = dependencies.sets.roots(), importance(model, dependencies)
    stays = np.ones(len(dependencies.sets), bool)
    for members in groups(dependencies):
        width = kept_width(len(members), ratio)
        order = np.argsort(-scores[members], kind="stable")
        stays[members[order[width:]]] = False
    if stays.all():
        raise CompressionError(
            f"no channel can be removed at the ratio {ratio:g}: {_why_not(dependencies)}",
            field=model.name,
            hint="The recipes magnitude, two_four and none need no channels that can go.",
        )
    keep: np.ndarray = stays[roots]
    return keep


def groups(dependencies: Dependencies) -> list[np.ndarray]:
    """Returns the removable sets by the layers that make them: ``[(sets of a group,)]``, by their roots.

    Each group loses its share, so that every layer keeps at least one channel.
    """
    makers: dict[int, set[str]] = defaultdict(set)
    for width in dependencies.widths.values():
        for root in dependencies.sets.roots(width.channels).tolist():
            makers[root].add(width.layer)
    members: dict[frozenset[str], list[int]] = defaultdict(list)
    for root, names in makers.items():
        if dependencies.sets.reason(root) is None:
            members[frozenset(names)].append(root)
    return [np.array(group) for group in members.values()]


def kept_width(count: int, ratio: float) -> int:
    """Returns how many of ``count`` channels stay: at least one, a multiple of 8, 4 or 2 where that is close.

    Kernels of runtimes work on blocks of channels; a width of 32 is no slower than one of 31.
    """
    exact = count * (1 - ratio)
    for multiple in _MULTIPLES:
        rounded = round(exact / multiple) * multiple
        if 0 < rounded < count and abs(rounded - exact) <= _TOLERANCE * count:
            return rounded
    return max(1, round(exact))


def importance(model: keras.Model, dependencies: Dependencies) -> np.ndarray:
    """Returns the importance of every set, at the index of its root: ``(channels,)``.

    It is the sum, over what depends on the set, of L2 norms that are normalized to their mean in each layer:
    the kernels that read its channels, and the scale that a batch normalization gives them (gamma, after Liu
    et al., "Learning Efficient Convolutional Networks through Network Slimming", 2017), or where there is
    none, the filters that make them. Behind a batch normalization the scale of a filter has no effect.
    """
    scales = [slot for slot in dependencies.slots.values() if slot.weight == "gamma"]
    reading = [
        slot
        for slot in dependencies.slots.values()
        if slot.weight in cost.KERNELS and _reads(slot, dependencies)
    ]
    making = [
        slot
        for slot in dependencies.slots.values()
        if slot.weight in (*cost.KERNELS, "embeddings") and not _reads(slot, dependencies)
    ]
    scaled = {root for slot in scales for root in dependencies.sets.roots(slot.channels).tolist()}
    scores = np.zeros(len(dependencies.sets))
    for slot in [*scales, *reading, *making]:
        roots = np.unique(dependencies.sets.roots(slot.channels))
        if slot in making:
            roots = np.array([root for root in roots.tolist() if root not in scaled], np.int64)
        norms = _norms(model, slot, dependencies)[roots]
        if norms.any():
            scores[roots] += norms / norms.mean()
    return scores


def _reads(slot: Slot, dependencies: Dependencies) -> bool:
    """Returns whether the slot is the input side of a kernel that mixes channels."""
    width = dependencies.widths.get(slot.layer)
    return width is not None and slot.channels is not width.channels


def _norms(model: keras.Model, slot: Slot, dependencies: Dependencies) -> np.ndarray:
    """Returns the L2 norm of what every set has of a weight, at the index of its root."""
    weight = next(w for w in model.get_layer(slot.layer).weights if w.name == slot.weight)
    array = np.moveaxis(np.asarray(weight.numpy(), np.float64), slot.axis, 0)
    squares = (array.reshape(len(array), -1) ** 2).sum(axis=1)
    norms: np.ndarray = np.sqrt(
        np.bincount(dependencies.sets.roots(slot.channels), squares, minlength=len(dependencies.sets))
    )
    return norms


def _why_not(dependencies: Dependencies) -> str:
    reasons = {dependencies.sets.reason(int(root)) for root in np.unique(dependencies.sets.roots())} - {None}
    layers = sorted(str(r) for r in reasons if r not in ("the model's input", "the model's output"))
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
    for width in dependencies.widths.values():
        reached = pruned.get_layer(width.layer).get_config()[width.key]
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
