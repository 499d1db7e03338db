"""By which errors a number is learnt."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from trimtab.tasks.registry import task

ERRORS = np.array([0.5, -3.0])


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (None, (0.5 + 3) / 2),
        ({"": "absolute"}, (0.5 + 3) / 2),
        ({"": "squared"}, (0.25 + 9) / 2),
        ({"": "huber"}, (0.125 + 2.5) / 2),
    ],
)
def test_the_loss_is_of_the_errors_that_are_asked_for(errors: dict[str, str] | None, expected: float) -> None:
    loss = task("regression").learning.loss(keras, errors=errors)
    assert float(loss(ERRORS[:, None], np.zeros((2, 1)))) == pytest.approx(expected)
