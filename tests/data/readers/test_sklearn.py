"""The digits are read from scikit-learn's file as its own function reads them, and without importing it."""

import subprocess
import sys

import numpy as np
from sklearn.datasets import load_digits

from trimtab.data.readers import sklearn


def test_the_digits_are_those_of_scikit_learn() -> None:
    images, digits = sklearn._digits()
    expected = load_digits()
    np.testing.assert_array_equal(images, expected.images)
    np.testing.assert_array_equal(digits, expected.target)
    assert digits.dtype == expected.target.dtype


def test_scikit_learn_is_not_imported_for_them() -> None:
    code = """
import sys
from trimtab.data.readers.sklearn import SklearnReader

(partition,) = SklearnReader().partitions("sklearn://digits", None)
(batch,) = SklearnReader().read(partition, None)
assert batch.num_rows == 1797
assert "sklearn" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
