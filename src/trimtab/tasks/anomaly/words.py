"""A score, and whether it means an anomaly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.tasks.anomaly.judging import decided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trimtab.tasks.base import Floats, Target


class Words:
    """See ``base.Words``."""

    output = "The output, the model's input repeated, flat"

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        """Yields ``score``, the error of repeating the row, and ``is_anomaly``, past the threshold."""
        for score, is_anomaly in zip(outputs[:, 0].tolist(), decided(outputs, target).tolist(), strict=True):
            yield {"score": score, "is_anomaly": is_anomaly}
