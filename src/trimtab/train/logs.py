"""What a run writes for TensorBoard: ``train`` and ``validation`` as two curves of one chart."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from trimtab.config.tensorboard import TensorBoard
from trimtab.train.curves import Curves

_VALIDATION = "val_"


class Logs:
    """The logs of one run; with no directory, nothing is written.

    Args:
        directory: The directory of the run's logs.
        config: What to log beside losses, metrics and the learning rate.
        epochs_done: Epochs whose events an earlier process wrote, and which are kept.
    """

    def __init__(self, directory: Path | None, config: TensorBoard, epochs_done: int) -> None:
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
        if self._config.histograms:
            self._train.histograms(
                step, {getattr(w, "path", w.name): np.array(w) for w in model.weights}, now
            )
        if self._graph_due:
            self._train.graph(_graph(model), now)
            self._graph_due = False
        self._train.flush()
        self._validation.flush()

    def close(self) -> None:
        """Ends the files."""
        for curves in (self._train, self._validation):
            if curves is not None:
                curves.close()


def _graph(model: keras.Model) -> bytes:
    """Returns the serialized graph of a model's inference."""
    signature = tf.TensorSpec((None, *model.inputs[0].shape[1:]), model.inputs[0].dtype)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
    definition: bytes = function.graph.as_graph_def().SerializeToString()
    return definition
