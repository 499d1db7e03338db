"""What TFMOT's two ways to prune have in common: which kernels they take, and the training around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from trimtab.compress.base import Context
from trimtab.compress.tfmot.bridge import bring_back, build_twin
from trimtab.compress.tfmot.layers import OTHER_RECIPES, twin_name
from trimtab.compress.tfmot.training import train_twin
from trimtab.errors import CompressionError

PROBE_EXAMPLES = 8


def prune_twin(
    model: keras.Model,
    kernels: Mapping[str, str],
    context: Context,
    epochs: int,
    learning_rate: float,
    **settings: Any,
) -> keras.Model:
    """Prunes some kernels of a model while it is fine-tuned.

    Args:
        model: A flat Keras 3 model, which keeps its weights.
        kernels: The weight to prune by the name of its layer.
        context: Gives the training batches.
        epochs: Epochs of pruning and fine-tuning together.
        learning_rate: The first step's learning rate.
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
    train_twin(wrapped, context, epochs, learning_rate, [sparsity.UpdatePruningStep()])
    return bring_back(model, sparsity.strip_pruning(wrapped))


def kernel_arrays(model: keras.Model, kernels: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Returns the pruned weights of a model by the name of their layer.

    Args:
        model: A flat Keras 3 model.
        kernels: The weight by the name of its layer.
    """
    found = {}
    for name, kernel in kernels.items():
        weights = {weight.name: weight for weight in model.get_layer(name).weights}
        found[name] = np.asarray(weights[kernel].numpy())
    return found
