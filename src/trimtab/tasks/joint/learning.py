"""An output and a loss for each of several labels; what is trained for is their weighted sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from trimtab.config.errors_learnt import ONLY
from trimtab.tasks.base import Errors

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from trimtab.tasks.joint.parts import Part


class Learning:
    """See ``base.Learning``; where one label has a tensor, several have a tuple, in the labels' order.

    Args:
        parts: The labels.
    """

    takes_class_weights = False
    one_tells_two = False

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self.loss_weights: list[float] | None = [part.target.loss_weight for part in parts]

    def output(self, x: Any, outputs: int, name: str) -> Any:  # noqa: ARG002
        """Returns each label's output, of the label's name."""
        return [part.task.learning.output(x, part.width, part.name) for part in self._parts]

    def adapted(self, model: keras.Model, outputs: int) -> keras.Model:  # noqa: ARG002
        """See ``base.Learning.adapted``."""
        return model

    def objection(self, y: NDArray[np.float64]) -> tuple[str, str] | None:
        """See ``base.Learning.objection``."""
        for part in self._parts:
            if objection := part.task.learning.objection(y[:, part.outputs]):
                return f"{part.name}: {objection[0]}", objection[1]
        return None

    def labels(self, x: Any, y: Any) -> Any:
        """See ``base.Learning.labels``."""
        return tuple(part.task.learning.labels(x, _own(part, y)) for part in self._parts)

    def loss(self, api: Any, *, soft: bool = False, errors: Errors = None) -> Any:
        """Returns a loss for each output."""
        own = {name: {ONLY: error} for name, error in (errors or {}).items()}
        return [part.task.learning.loss(api, soft=soft, errors=own.get(part.name)) for part in self._parts]

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:
        """Returns the metrics of each output."""
        return [part.task.learning.metrics(api, soft=soft) for part in self._parts]

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:
        """See ``base.Learning.softened``."""
        each = zip(self._parts, answers, y, strict=True)
        return tuple(part.task.learning.softened(answer, temperature, true) for part, answer, true in each)

    def mixable(self, y: Any, outputs: int) -> Any:  # noqa: ARG002
        """See ``base.Learning.mixable``."""
        pairs = zip(self._parts, y, strict=True)
        return tuple(part.task.learning.mixable(labels, part.width) for part, labels in pairs)


def in_one(loss: Any, weights: Sequence[float] | None) -> Callable[[Any, Any], Any]:
    """Returns a loss as a function of labels and answers: of several outputs, the weighted sum of theirs.

    Args:
        loss: As ``Learning.loss`` gives it.
        weights: As ``Learning.loss_weights`` has them.
    """
    if not isinstance(loss, list):
        return loss  # type: ignore[no-any-return]

    def total(labels: Any, answers: Any) -> Any:
        parts = zip(weights or (), loss, labels, answers, strict=True)
        return sum(weight * own(y, answer) for weight, own, y, answer in parts)

    return total


def _own(part: Part, y: Any) -> Any:
    """Returns a label's tensor, ``(batch, *y_shape)``, of those of all, ``(batch, columns)``."""
    own = tf.reshape(y[:, part.y], [-1, *part.y_shape])
    return tf.cast(own, tf.dtypes.as_dtype(part.task.meaning.y_dtype))
