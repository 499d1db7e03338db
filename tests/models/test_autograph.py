from __future__ import annotations

import pytest
import tensorflow as tf

from trimtab.models.autograph import without_autograph


def _signs(values: list[float]) -> list[float]:
    signs = tf.data.Dataset.from_tensor_slices(values).map(lambda x: 1.0 if x > 0 else -1.0)
    return [float(sign) for sign in signs]


def test_what_maps_a_dataset_is_not_rewritten_within() -> None:
    assert _signs([3.0, -3.0]) == [1.0, -1.0]
    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        without_autograph(_signs)([3.0, -3.0])
    assert _signs([-3.0]) == [-1.0]


def test_the_function_is_the_same_otherwise() -> None:
    def added(x: int, *, y: int = 2) -> int:
        """Adds."""
        return x + y

    assert without_autograph(added)(1, y=4) == 5
    assert without_autograph(added).__doc__ == "Adds."
