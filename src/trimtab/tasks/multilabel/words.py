"""Labels, and a probability of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.tasks.multilabel.judging import decided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trimtab.tasks.base import Floats, Target


class Words:
    """See ``base.Words``."""

    output = "The output, one sigmoid probability for each label"

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        """Yields ``labels``, those past their thresholds, and ``probabilities`` by label."""
        for output, given in zip(outputs, decided(outputs, target), strict=True):
            labels = [name for name, is_given in zip(target.classes, given, strict=True) if is_given]
            yield {
                "labels": labels,
                "probabilities": dict(zip(target.classes, output.tolist(), strict=True)),
            }
