"""How much a channel counts: by its weights, by what it carries to those who read it, or by the loss.

Sources: Li et al., "Pruning Filters for Efficient ConvNets", 2017 (norms); Sun et al., "A Simple and
Effective Pruning Approach for Large Language Models", 2024 (weights times activations, here of channels);
Molchanov et al., "Importance Estimation for Neural Network Pruning", 2019 (first-order Taylor expansion).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from trimtab.batch import examples_in, in_parts
from trimtab.compress.base import Context
from trimtab.compress.graph.dependency import Dependencies, Slot, named_weights
from trimtab.errors import CompressionError
from trimtab.models import cost, keras_graph

Criterion = Literal["norms", "activations", "taylor"]

EXAMPLES, BATCH = 512, 64

_Reader = tuple[str, str, int]
"""A layer, the one inside it that reads, if any, and the axis of the channels."""


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
    reading = [slot for slot in dependencies.slots.values() if slot.read is not None]
    making = [
        slot
        for slot in dependencies.slots.values()
        if slot.weight.partition(":")[0] in (*cost.KERNELS, "embeddings") and slot.read is None
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


def _norms(model: keras.Model, slot: Slot, dependencies: Dependencies) -> np.ndarray:
    """Returns the L2 norm of what every set has of a weight, at the index of its root."""
    squares = np.bincount(
        dependencies.sets.roots(slot.channels), _squares(model, slot), minlength=len(dependencies.sets)
    )
    found: np.ndarray = np.sqrt(squares)
    return found


def _squares(model: keras.Model, slot: Slot) -> np.ndarray:
    """Returns the squared norm of every index of a weight's axis, ``(indices,)``."""
    weight = named_weights(model.get_layer(slot.layer))[slot.weight]
    array = np.moveaxis(np.asarray(weight.numpy(), np.float64), slot.axis, 0)
    squares: np.ndarray = (array.reshape(len(array), -1) ** 2).sum(axis=1)
    return squares


def activations(model: keras.Model, dependencies: Dependencies, examples: Any) -> np.ndarray:
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
    energies: dict[_Reader, np.ndarray] = {}

    def look(reader: _Reader, values: Any) -> Any:
        squares = np.square(np.moveaxis(np.asarray(values, np.float64), reader[2], -1))
        energies[reader] = energies.get(reader, 0.0) + squares.reshape(-1, squares.shape[-1]).sum(axis=0)
        return values

    for batch in in_parts(examples, BATCH):
        _run(model, batch, readers, look)
    scores = np.zeros(len(dependencies.sets))
    for reader, slots in readers.items():
        for slot in slots:
            squares = _squares(model, slot)
            share = _spread(energies[reader], len(squares)) * squares
            roots = dependencies.sets.roots(slot.channels)
            scores += np.bincount(roots, share / (share.sum() or 1.0), minlength=len(scores))
    return scores


def taylor(
    model: keras.Model,
    dependencies: Dependencies,
    examples: Any,
    labels: Any,
    loss: Callable[[Any, Any], Any],
) -> np.ndarray:
    """Returns the importance of every set by the loss: the square of what its removal costs, to first order.

    For every example, that is the sum of value times gradient over all that reads the set; the mean of the
    squares is taken over examples: ``(channels,)``.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        examples: Model-ready training examples, ``(n, *input_shape)``.
        labels: As the loss takes them, ``(n, …)``; of several outputs, a tuple of these.
        loss: Of labels and answers.
    """
    readers = _readers(dependencies)
    roots = {
        reader: dependencies.sets.roots(slots[0].read.channels)
        for reader, slots in readers.items()
        if slots[0].read is not None
    }
    scores = np.zeros(len(dependencies.sets))
    for batch, expected in zip(in_parts(examples, BATCH), in_parts(labels, BATCH), strict=True):
        seen: list[tuple[_Reader, Any]] = []

        def look(reader: _Reader, values: Any, seen: list[tuple[_Reader, Any]] = seen) -> Any:
            # Its own tensor: what another layer does with the same values is that layer's.
            own = tf.identity(values)
            tape.watch(own)
            seen.append((reader, own))
            return own

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            answers = _run(model, keras.tree.map_structure(tf.constant, batch), readers, look)
            # A mean over the batch divides each example's gradient by as many.
            value = examples_in(expected) * tf.reduce_mean(loss(expected, answers))
        changes = np.zeros((examples_in(expected), len(scores)))
        gradients = tape.gradient(value, [values for _, values in seen])
        for (reader, values), gradient in zip(seen, gradients, strict=True):
            if gradient is not None:
                product = np.moveaxis(np.asarray(values * gradient, np.float64), reader[2], -1)
                by_channel = product.reshape(len(product), -1, product.shape[-1]).sum(axis=1)
                np.add.at(changes.T, roots[reader], by_channel.T)
        scores += np.square(changes).sum(axis=0)
    return scores / examples_in(labels)


def _spread(energies: np.ndarray, count: int) -> np.ndarray:
    """Returns the energies of what reaches a kernel for each index of the axis that reads them.

    The parts of a separable convolution read each channel several times, and those of a grouped one read a
    channel of every group by the same index.
    """
    if count >= len(energies):
        return np.repeat(energies, count // len(energies))
    grouped: np.ndarray = energies.reshape(-1, count).sum(axis=0)
    return grouped


def _run(
    model: keras.Model, batch: Any, readers: Collection[_Reader], look: Callable[[_Reader, Any], Any]
) -> Any:
    """Returns a model's answers, with a look at what reaches some layers."""
    of_layer: dict[str, list[_Reader]] = {}
    for reader in readers:
        of_layer.setdefault(reader[0], []).append(reader)

    def watched(operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if "training" in options:
                options["training"] = False
            with ExitStack() as inside:
                for reader in of_layer.get(operation.name, []):
                    if reader[1]:
                        inside.enter_context(_reached(operation, reader, look))
                    else:
                        arguments = (look(reader, arguments[0]), *arguments[1:])
                return operation(*arguments, **options)

        return call

    return keras_graph.run_through(model, batch, watched)


@contextmanager
def _reached(layer: Any, reader: _Reader, look: Callable[[_Reader, Any], Any]) -> Iterator[None]:
    """Has a look at what reaches a layer inside another one, as that calls it."""
    inner = next(one for one in keras_graph.innermost_layers(layer) if one.name == reader[1])
    call = inner.call
    inner.call = lambda values, *arguments, **options: call(look(reader, values), *arguments, **options)
    try:
        yield
    finally:
        del inner.call


def _readers(dependencies: Dependencies) -> dict[_Reader, list[Slot]]:
    """Returns the input sides of the kernels that mix channels, by where they read them."""
    readers: dict[_Reader, list[Slot]] = {}
    for slot in dependencies.slots.values():
        if slot.read is not None:
            readers.setdefault((slot.layer, slot.read.inside, slot.read.axis), []).append(slot)
    return readers
