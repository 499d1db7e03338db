"""The groups of `make faults`, each as small as it goes."""

from importlib import import_module

import pytest
from faults.groups import GROUPS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_happens_that_must_not(group, tmp_path):
    tally = import_module(GROUPS[group]).run("small", tmp_path, 0)
    assert tally.is_clean, tally.examples
