"""The order that a saved model's classes seem to be in: a file does not say which output is of which."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


def best_order(outputs: NDArray[Any], labels: NDArray[Any]) -> list[int]:
    """Returns for each class the output that is right most often, one class an output.

    It is the assignment of columns to rows of the confusion matrix with the largest sum (H. W. Kuhn, "The
    Hungarian method for the assignment problem", 1955); where all are equally right, that of the labels.

    Args:
        outputs: ``(examples, classes)``, the largest of which is the answer.
        labels: The right classes, integers ``(examples,)``.
    """
    classes = outputs.shape[1]
    confusion = np.zeros((classes, classes))
    np.add.at(confusion, (labels, outputs.argmax(axis=1)), 1)
    # Less than one example in all: of equal sums, the one that moves the fewest classes.
    confusion += np.eye(classes) * 0.5 / classes
    return [int(column) for column in linear_sum_assignment(confusion, maximize=True)[1]]
