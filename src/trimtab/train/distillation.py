"""Soft labels: a share of every label is what a teacher answers.

Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. The teacher's answer
is part of the batch, a function of the example alone, so that the loop resumes as exactly as without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from trimtab.config.fine_tuning import Teacher
from trimtab.tasks.base import Learning


@dataclass(frozen=True)
class SoftLabels:
    """Makes the labels of batches.

    Attributes:
        teacher: A model of the same inputs and outputs as the one that is trained.
        settings: Its temperature and share.
        learning: How the labels are learnt.
    """

    teacher: keras.Model
    settings: Teacher
    learning: Learning

    def training(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Returns the labels of a training batch, ``(batch, classes)``, or ``(batch,)`` of a regression.

        Args:
            x: Model-ready examples, ``(batch, *shape)``.
            y: Their true labels, as ``learning.labels`` gives them.
        """
        answers, share = self.teacher(x, training=False), self.settings.alpha
        softened = self.learning.softened(answers, self.settings.temperature, y)
        return tf.nest.map_structure(
            lambda soft, true: share * soft + (1 - share) * true, softened, self.validation(y)
        )

    def validation(self, y: tf.Tensor) -> tf.Tensor:
        """Returns true labels in the form of ``training``'s."""
        return self.learning.mixable(y, self.teacher.outputs[0].shape[-1])
