"""Soft labels: a share of every label is what a teacher answers.

Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. The teacher's answer
is part of the batch, a function of the example alone, so that the loop resumes as exactly as without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from trimtab.config.data import Task
from trimtab.config.fine_tuning import Teacher
from trimtab.tasks.registry import task


@dataclass(frozen=True)
class SoftLabels:
    """Makes the labels of batches.

    Attributes:
        teacher: A model of the same inputs and outputs as the one that is trained.
        settings: Its temperature and share.
        task: The task.
    """

    teacher: keras.Model
    settings: Teacher
    task: Task

    def training(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Returns the labels of a training batch, ``(batch, classes)``, or ``(batch,)`` of a regression.

        Args:
            x: Model-ready examples, ``(batch, *shape)``.
            y: Their true labels, as ``learning.labels`` gives them.
        """
        answers, share = self.teacher(x, training=False), self.settings.alpha
        softened = task(self.task).learning.softened(answers, self.settings.temperature, y)
        return share * softened + (1 - share) * self.validation(y)

    def validation(self, y: tf.Tensor) -> tf.Tensor:
        """Returns true labels in the form of ``training``'s."""
        return task(self.task).learning.mixable(y, self.teacher.outputs[0].shape[-1])
