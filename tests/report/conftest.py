"""Records of runs as the stages leave them: plausible numbers, drawn once, the same for everyone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from report.made.retraining import make_retraining
from report.made.runs import make_records

from trimtab.artifacts.record import StageRecord
from trimtab.config.config import Config


@pytest.fixture(scope="session")
def run_records() -> Callable[..., tuple[Config, list[StageRecord]]]:
    """Returns `make_records`."""
    return make_records


@pytest.fixture(scope="session")
def retrain_records() -> Callable[..., tuple[Config, list[StageRecord]]]:
    """Returns `make_retraining`."""
    return make_retraining
