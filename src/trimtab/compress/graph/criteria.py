"""How much a channel counts: by its weights, by what it carries to those who read it, or by the loss.

Sources: Li et al., "Pruning Filters for Efficient ConvNets", 2017 (norms); Sun et al., "A Simple and
Effective Pruning Approach for Large Language Models", 2024 (weights times activations, here of channels);
Molchanov et al., "Importance Estimation for Neural Network Pruning", 2019 (first-order Taylor expansion).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from trimtab.compress.base import Context
from trimtab.compress.graph.dependency import Dependencies, Slot
from trimtab.errors import CompressionError
from trimtab.models import cost, keras_graph

Criterion = Literal["norms", "activations", "taylor"]

EXAMPLES, BATCH = 512, 64


def importance(
    criterion: Criterion, model: keras.Model, dependencies: Dependencies, context: Context
) -> np.ndarray:
    """Returns the importance of every set of channels, at the index of its root: ``(channels,)``.

    Args:
        criterion: By what.
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        context: Gives training examples.

    Raises:
        CompressionError: If the criterion asks for labels, and there are none.
    """
    if criterion == "norms":
        return norms(model, dependencies)
    if criterion == "activations":
        return activations(model, dependencies, context.calibration(EXAMPLES))
    if context.labelled is None:
        raise CompressionError("the criterion taylor needs labelled training rows", field=model.name)
    return taylor(model, dependencies, *context.labelled(EXAMPLES))


def norms(model: keras.Model, dependencies: Dependencies) -> np.ndarray:
    """Returns the importance of every set, at the index of its root: ``(channels,)``.

    It is the sum, over what depends on the set, of L2 norms that are normalized to their mean in each layer:
    the kernels that read its channels, and the scale that a batch normalization gives them (gamma, after Liu
    et al., "Learning Efficient Convolutional Networks through Network Slimming", 2017), or where there is
    none, the filters that make them. Behind a batch normalization the scale of a filter has no effect.
    """
    scales = [slot for slot in dependencies.slots.values() if slot.weight == "gamma"]
    reading = [slot for slot in _kernels(dependencies) if _reads(slot, dependencies)]
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
        lengths = _norms(model, slot, dependencies)[roots]
        if lengths.any():
            scores[roots] += lengths / lengths.mean()
    return scores


def _reads(slot: Slot, dependencies: Dependencies) -> bool:
    """Returns whether the slot is the input side of a kernel that mixes channels."""
    width = dependencies.widths.get(slot.layer)
    return width is not None and slot.channels is not width.channels


def _norms(model: keras.Model, slot: Slot, dependencies: Dependencies) -> np.ndarray:
    """Returns the L2 norm of what every set has of a weight, at the index of its root."""
    squares = np.bincount(
        dependencies.sets.roots(slot.channels), _squares(model, slot), minlength=len(dependencies.sets)
    )
    found: np.ndarray = np.sqrt(squares)
    return found


def _squares(model: keras.Model, slot: Slot) -> np.ndarray:
    """Returns the squared norm of every index of a weight's axis, ``(indices,)``."""
    weight = next(w for w in model.get_layer(slot.layer).weights if w.name == slot.weight)
    array = np.moveaxis(np.asarray(weight.numpy(), np.float64), slot.axis, 0)
    squares: np.ndarray = (array.reshape(len(array), -1) ** 2).sum(axis=1)
    return squares


def activations(model: keras.Model, dependencies: Dependencies, examples: np.ndarray) -> np.ndarray:
    """Returns the importance of every set by what it carries to the layers that read it: ``(channels,)``.

    It is the mean square of what reaches a layer times the squared norm of its kernel for that channel, as a
    share of the layer's sum: about its share of the variance of what the layer gives. What is always zero
    behind a ReLU counts nothing, whatever its weights.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        examples: Model-ready training examples, ``(n, *input_shape)``.
    """
    readers = _readers(dependencies)
    energies: dict[str, np.ndarray] = {}

    def look(layer: str, values: Any) -> Any:
        squares = np.square(np.asarray(values, np.float64)).reshape(-1, values.shape[-1]).sum(axis=0)
        energies[layer] = energies.get(layer, 0.0) + squares
        return values

    for start in range(0, len(examples), BATCH):
        _run(model, examples[start : start + BATCH], set(readers), look)
    scores = np.zeros(len(dependencies.sets))
    for layer, slots in readers.items():
        for slot in slots:
            squares = _squares(model, slot)
            share = np.repeat(energies[layer], len(squares) // len(energies[layer])) * squares
            roots = dependencies.sets.roots(slot.channels)
            scores += np.bincount(roots, share / (share.sum() or 1.0), minlength=len(scores))
    return scores


def taylor(
    model: keras.Model,
    dependencies: Dependencies,
    examples: np.ndarray,
    labels: np.ndarray,
    loss: Callable[[Any, Any], Any],
) -> np.ndarray:
    """Returns the importance of every set by the loss: the square of what its removal costs, to first order.

    For every example, that is the sum of value times gradient over all that reads the set; the mean of the
    squares is taken over examples: ``(channels,)``.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        examples: Model-ready training examples, ``(n, *input_shape)``.
        labels: As the loss takes them, ``(n, …)``.
        loss: Of labels and answers.
    """
    readers = _readers(dependencies)
    roots = {name: dependencies.sets.roots(slots[0].channels) for name, slots in readers.items()}
    scores = np.zeros(len(dependencies.sets))
    for start in range(0, len(examples), BATCH):
        seen: list[tuple[str, Any]] = []

        def look(layer: str, values: Any, seen: list[tuple[str, Any]] = seen) -> Any:
            # Its own tensor: what another layer does with the same values is that layer's.
            own = tf.identity(values)
            tape.watch(own)
            seen.append((layer, own))
            return own

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            answers = _run(model, tf.constant(examples[start : start + BATCH]), set(readers), look)
            # A mean over the batch divides each example's gradient by as many.
            value = len(answers) * tf.reduce_mean(loss(labels[start : start + BATCH], answers))
        changes = np.zeros((len(answers), len(scores)))
        gradients = tape.gradient(value, [values for _, values in seen])
        for (layer, values), gradient in zip(seen, gradients, strict=True):
            if gradient is not None:
                product = np.asarray(values * gradient, np.float64)
                by_channel = product.reshape(len(product), -1, product.shape[-1]).sum(axis=1)
                np.add.at(changes.T, roots[layer], by_channel.T)
        scores += np.square(changes).sum(axis=0)
    return scores / len(examples)


def _run(model: keras.Model, batch: Any, layers: set[str], look: Callable[[str, Any], Any]) -> Any:
    """Returns a model's answers, with a look at what reaches some layers."""

    def watched(operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if "training" in options:
                options["training"] = False
            if operation.name in layers:
                arguments = (look(operation.name, arguments[0]), *arguments[1:])
            return operation(*arguments, **options)

        return call

    return keras_graph.run_through(model, batch, watched)


def _readers(dependencies: Dependencies) -> dict[str, list[Slot]]:
    """Returns the input sides of the kernels that mix channels, by the name of their layer."""
    readers: dict[str, list[Slot]] = {}
    for slot in _kernels(dependencies):
        if _reads(slot, dependencies):
            readers.setdefault(slot.layer, []).append(slot)
    return readers


def _kernels(dependencies: Dependencies) -> Iterator[Slot]:
    return (slot for slot in dependencies.slots.values() if slot.weight in cost.KERNELS)
