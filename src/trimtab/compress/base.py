"""The two interfaces of compression: pruning makes a smaller Keras model, quantization makes a LiteRT file.

A method is a plain function. It gets the trained model, its own parameters (declared in
``trimtab.config.recipes``) and a context that carries what it may use: training examples, and the fine-tuning
loop of the stage. It raises ``CompressionError`` when the model cannot take it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from trimtab.config.train import OptimizerName

if TYPE_CHECKING:
    import keras
    import numpy as np


@dataclass(frozen=True)
class Context:
    """What a method may use beside the model.

    Attributes:
        seed: The run's seed.
        batch_size: Examples a training batch.
        learning_rate: The learning rate that the model was trained with.
        optimizer: The optimizer that the model was trained with.
        momentum: Its momentum, for sgd and rmsprop.
        task: ``classification`` or ``regression``.
        train_batches: Returns an iterator over one epoch of shuffled, model-ready training batches
            ``(x (batch, *input_shape), y (batch,))``, with a third ``weight (batch,)`` when classes are
            weighted, given the epoch's number; the order depends on the seed and the epoch alone.
        steps_per_epoch: Batches in an epoch.
        fine_tune: Trains a Keras 3 model in place: ``fine_tune(model, epochs, learning_rate)``; resumable.
        calibration: Returns the first ``n`` model-ready training examples, ``(n, *input_shape)``.
        say: Reports one line of progress.
    """

    seed: int
    batch_size: int
    learning_rate: float
    task: str
    train_batches: Callable[[int], Iterator[tuple[np.ndarray, ...]]]
    steps_per_epoch: int
    fine_tune: Callable[[keras.Model, int, float], None]
    calibration: Callable[[int], np.ndarray]
    say: Callable[[str], None]
    optimizer: OptimizerName = "adam"
    momentum: float = 0.9


class PruneMethod(Protocol):
    """Makes a smaller or sparser model."""

    def __call__(self, model: keras.Model, params: Any, context: Context) -> keras.Model:
        """Returns a new model; the one that was given keeps its weights.

        Raises:
            CompressionError: If the model has nothing to prune, or if the target was not reached.
        """


class QuantizeMethod(Protocol):
    """Makes a LiteRT flatbuffer."""

    def __call__(self, model: keras.Model, params: Any, context: Context) -> bytes:
        """Returns the content of a ``.tflite`` file with float inputs and outputs.

        Raises:
            CompressionError: If the model cannot be converted so.
        """
