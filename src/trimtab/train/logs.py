"""What a training writes for TensorBoard: ``train`` and ``validation`` as two curves of one chart."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from trimtab.config.tensorboard import TensorBoard
from trimtab.events.drawing import pixels, tiles
from trimtab.events.image import image_pb
from trimtab.train.curves import Curves

_VALIDATION = "val_"
_INPUTS = 24

MOST_HISTOGRAMS, HISTOGRAM_BYTES, MOST_BYTES = 60, 1_000, 250_000
"""The largest weights of a model are shown, of so many epochs that a training's fit into the bytes."""


class Logs:
    """The logs of one run; with no directory, nothing is written.

    Args:
        directory: The directory of the run's logs.
        config: What to log beside losses, metrics and the learning rate.
        epochs_done: Epochs whose events an earlier process wrote, and which are kept.
        epochs: How many there will be, at most.
    """

    def __init__(
        self, directory: Path | None, config: TensorBoard, epochs_done: int, epochs: int = 1
    ) -> None:
        self._epochs = epochs
        self._config, self._graph_due = config, config.graph and epochs_done == 0
        self._train = Curves(directory / "train", epochs_done) if directory else None
        self._validation = Curves(directory / "validation", epochs_done) if directory else None

    def epoch(self, model: keras.Model, entry: Mapping[str, float]) -> None:
        """Writes an epoch's entry of the history.

        Args:
            model: The model after the epoch.
            entry: The numbers by name; those of the validation split begin with ``val_``.
        """
        if self._train is None or self._validation is None:
            return
        step, now = int(entry["epoch"]), time.time()
        numbers = {name: value for name, value in entry.items() if name not in ("epoch", "seconds")}
        train = {f"epoch_{n}": v for n, v in numbers.items() if not n.startswith(_VALIDATION)}
        validation = {
            f"epoch_{n.removeprefix(_VALIDATION)}": v for n, v in numbers.items() if n.startswith(_VALIDATION)
        }
        self._train.scalars(step, train, now)
        self._validation.scalars(step, validation, now)
        if self._config.histograms and self._are_due(step, len(model.weights)):
            self._train.histograms(step, _largest(model), now)
        if self._graph_due:
            self._train.graph(_graph(model), now)
            self._graph_due = False
        self._train.flush()
        self._validation.flush()

    def inputs(self, images: np.ndarray) -> None:
        """Writes images as the model gets them, ``(batch, height, width, channels)``."""
        if self._train is not None:
            sheet = tiles([(pixels(image), []) for image in images[:_INPUTS]])
            about = "The first training images, as the model gets them: changed as `train.augment` says."
            self._train.summary(0, image_pb("inputs/augmented", sheet, about), time.time())
            self._train.flush()

    def _are_due(self, epoch: int, weights: int) -> bool:
        """Returns whether histograms of an epoch are written: of the last one, and of others as far apart."""
        every = math.ceil(self._epochs * min(weights, MOST_HISTOGRAMS) * HISTOGRAM_BYTES / MOST_BYTES)
        return epoch == self._epochs or epoch % max(every, 1) == 0

    def close(self) -> None:
        """Ends the files."""
        for curves in (self._train, self._validation):
            if curves is not None:
                curves.close()


def _largest(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns the largest weights of a model by name."""
    weights = sorted(model.weights, key=lambda weight: -math.prod(weight.shape))[:MOST_HISTOGRAMS]
    return {getattr(weight, "path", weight.name): np.array(weight) for weight in weights}


def _graph(model: keras.Model) -> bytes:
    """Returns the serialized graph of a model's inference."""
    signature = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    function = tf.function(lambda *x: model(x[0] if len(x) == 1 else list(x), training=False))
    function = function.get_concrete_function(*signature)
    definition: bytes = function.graph.as_graph_def().SerializeToString()
    return definition
