"""tf_keras, as the training loop sees it: see ``trimtab.train.library.Library``."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from trimtab.compress.tfmot.unpublished import random_generators


class TfKeras:
    """What the loop does for a twin in place of a Keras 3 model.

    Attributes:
        api: The module that losses, metrics, optimizers and callbacks are of.
    """

    def __init__(self) -> None:
        import tf_keras

        self.api = tf_keras

    def build(self, model: Any, batch: Any) -> None:
        """Creates the variables of the optimizer and the metrics of a compiled model.

        Args:
            model: The twin.
            batch: What a training batch looks like: specifications of its tensors.
        """
        # Rewriting the code of every layer (AutoGraph) takes a third of a short training. Nothing in it
        # needs that: where Keras and TFMOT branch on tensors, they call TensorFlow's own conditions.
        for step in ("train_step", "test_step"):
            setattr(model, step, tf.autograph.experimental.do_not_convert(getattr(model, step)))
        model.optimizer.build(model.trainable_variables)
        # tf_keras creates those of losses and metrics when it first sees data; testing changes no weight.
        empty = tf.nest.map_structure(lambda spec: tf.zeros([1, *spec.shape[1:]], spec.dtype), batch)
        model.test_on_batch(*empty)
        model.reset_metrics()

    def variables(self, model: Any) -> dict[str, list[Any]]:
        """Returns every variable that a step of training reads or changes, by kind."""
        return {
            "model": list(model.variables),
            "optimizer": list(model.optimizer.variables),
            "metric": [variable for metric in model.metrics for variable in metric.variables],
            "random": [generator.state for generator in random_generators(model)],
        }

    def reseed(self, model: Any, seed: int, epoch: int) -> None:
        """Sets every random generator of a model from the seed and the epoch alone."""
        for place, generator in enumerate(random_generators(model)):
            drawn = np.random.SeedSequence([seed, epoch, place]).generate_state(1, np.uint32)[0] >> 1
            generator.reset_from_seed(int(drawn))

    def fingerprint(self, model: Any) -> str:
        """Returns what tells a model's architecture from another; names differ from process to process."""
        return str([(tuple(variable.shape), variable.dtype.name) for variable in model.variables])
