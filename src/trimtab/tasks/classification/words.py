"""Labels with probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trimtab.tasks.base import Floats, Target


class Words:
    """See ``base.Words``."""

    output = "The output, one softmax probability for each class of the labels or of model.classes"

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        """Yields ``label``, and ``probabilities`` by class."""
        for output in outputs:
            probabilities = dict(zip(target.classes, output.tolist(), strict=True))
            yield {"label": target.classes[int(output.argmax())], "probabilities": probabilities}
