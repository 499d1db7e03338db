from __future__ import annotations

import warnings

import numpy as np
import pytest

from trimtab.deploy.answers import all_finite, row_without_number

GOOD = [[1.0, 2.0], [3.4e38, -3.4e38], [1e-45, 0.0]]  # whose squares may be none of float32


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf, -np.inf], [-np.inf, 0.0]])
def test_the_first_row_that_is_no_number(bad):
    with warnings.catch_warnings(action="error"):
        assert all_finite(np.array(GOOD, np.float32))
        assert row_without_number(np.array(GOOD, np.float32)) is None
        assert row_without_number(np.array([*GOOD, bad, bad], np.float32)) == 3
