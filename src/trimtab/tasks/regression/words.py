"""Values in the label's unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trimtab.tasks.base import Floats, Target


class Words:
    """See ``base.Words``."""

    output = "The predicted value"

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        """Yields ``value`` in the label's unit."""
        for output in outputs:
            yield {"value": float(output[0]) * target.label_std + target.label_mean}
