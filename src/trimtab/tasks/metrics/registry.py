"""The metrics by name."""

from __future__ import annotations

from typing import cast

from trimtab.registry import METRICS, module
from trimtab.tasks.metrics.base import Metric


def metric(name: str) -> Metric:
    """Returns a metric.

    Raises:
        KeyError: If there is none of that name.
    """
    return cast("Metric", module(METRICS, name).METRICS[name])


def is_share(name: str) -> bool:
    """Returns whether a metric reads as a percentage; of one that cannot be limited, no."""
    return name in METRICS and metric(name).is_share
