from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ConfigError
from trimtab.train.weighting import class_weights


def test_balanced_is_scikit_learns(classification: Callable[..., Dataset]) -> None:
    data = classification(share=[0.8, 0.15, 0.05])
    _, y = data.arrays("train")
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    np.testing.assert_allclose(class_weights("balanced", data), expected, rtol=1e-6)


def test_classes_left_out_weigh_one(classification: Callable[..., Dataset]) -> None:
    np.testing.assert_allclose(class_weights({"class 2": 5.0}, classification()), [1, 1, 5])


def test_none_is_none(classification: Callable[..., Dataset]) -> None:
    assert class_weights(None, classification()) is None


def test_an_unknown_class_is_named(classification: Callable[..., Dataset]) -> None:
    with pytest.raises(ConfigError, match=r"train\.class_weight: unknown class 'dog'[\s\S]*class 0, class 1"):
        class_weights({"dog": 2.0}, classification())


@pytest.mark.parametrize("weights", [{"class 1": -1.0}, {"class 0": 0.0, "class 1": 0.0, "class 2": 0.0}])
def test_weights_that_cannot_be_are_refused(
    classification: Callable[..., Dataset], weights: dict[str, float]
) -> None:
    with pytest.raises(ConfigError, match="expected weights of 0 or more"):
        class_weights(weights, classification())


def test_regression_has_no_classes(regression: Callable[..., Dataset]) -> None:
    with pytest.raises(ConfigError, match="class weights are for classification"):
        class_weights("balanced", regression())
