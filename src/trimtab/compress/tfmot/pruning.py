"""What TFMOT's two ways to prune have in common: which kernels they take, and the training around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from trimtab.compress.base import Context
from trimtab.compress.masks import keep_zeros
from trimtab.compress.tfmot.bridge import bring_back, build_twin
from trimtab.compress.tfmot.layers import OTHER_RECIPES, has_twin, twin_name
from trimtab.compress.tfmot.library import TfKeras
from trimtab.config.fine_tuning import FineTuning
from trimtab.errors import CompressionError

PROBE_EXAMPLES = 8
TOLERANCE = 0.01


def named_kernels(model: keras.Model, kinds: Mapping[str, str]) -> dict[str, str]:
    """Returns the weight to prune by the name of its layer.

    Args:
        model: A flat Keras 3 model.
        kinds: The weight to prune by the kind of layer.
    """
    return {
        layer.name: kinds[type(layer).__name__]
        for layer in model.layers
        if type(layer).__name__ in kinds and has_twin(layer)
    }


def prune_twin(
    model: keras.Model,
    kernels: Mapping[str, str],
    tuning: FineTuning,
    context: Context,
    **settings: Any,
) -> keras.Model:
    """Prunes some kernels of a model while it is fine-tuned; zeros that it has stay.

    Args:
        model: A flat Keras 3 model, which keeps its weights.
        kernels: The weight to prune by the name of its layer.
        tuning: How to train.
        context: Trains, and gives examples.
        settings: What ``tfmot.sparsity.keras.prune_low_magnitude`` takes.

    Returns:
        A new Keras 3 model.

    Raises:
        CompressionError: If the model has nothing to prune, or cannot cross the bridge.
    """
    if not kernels:
        raise CompressionError(
            "the model has no kernel that TFMOT prunes", field=model.name, hint=OTHER_RECIPES
        )
    twin = build_twin(model, context.calibration(PROBE_EXAMPLES))
    import tf_keras
    from tensorflow_model_optimization.sparsity import keras as sparsity

    chosen = {twin_name(name) for name in kernels}
    # Wrapping shares the twin's layers with the wrapped model; the twin is ours, not the user's.
    wrapped = tf_keras.models.clone_model(
        twin,
        clone_function=lambda layer: (
            sparsity.prune_low_magnitude(layer, **settings) if layer.name in chosen else layer
        ),
    )
    callbacks = [sparsity.UpdatePruningStep(), *keep_zeros(wrapped, tf_keras.callbacks)]
    context.fine_tune(wrapped, tuning, callbacks=callbacks, library=TfKeras())
    return bring_back(model, sparsity.strip_pruning(wrapped))


def kernel_arrays(model: keras.Model, kernels: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Returns the pruned weights of a model by the name of their layer.

    Args:
        model: A flat Keras 3 model.
        kernels: The weight by the name of its layer.
    """
    arrays = {}
    for name, kernel in kernels.items():
        weights = {weight.name: weight for weight in model.get_layer(name).weights}
        arrays[name] = np.asarray(weights[kernel].numpy())
    return arrays


def check_sparsity(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], target: float, context: Context
) -> None:
    """Reports the sparsity that was reached.

    Args:
        before: The kernels by layer, as they were.
        after: The same, pruned.
        target: The share of zeros that each was to have.
        context: Where to report.

    Raises:
        CompressionError: If a kernel misses the target by more than a hundredth, or by more than one weight.
    """
    for name, kernel in after.items():
        had, has = (1 - np.count_nonzero(each) / each.size for each in (before[name], kernel))
        tolerance = max(TOLERANCE, 1 / kernel.size)
        if had > target + tolerance:
            raise CompressionError(
                f"its kernel had {had:.1%} zeros before: a sparsity of {target:.1%} asks for fewer",
                field=name,
                hint="Ask for a higher sparsity, or leave the step out.",
            )
        if abs(has - target) > tolerance:
            raise CompressionError(f"expected {target:.1%} zeros in its kernel, found {has:.1%}", field=name)
    zeros = sum(kernel.size - np.count_nonzero(kernel) for kernel in after.values())
    size = sum(kernel.size for kernel in after.values())
    context.say(f"{zeros / size:.1%} of {size:,} weights in {len(after)} kernels are zero")
