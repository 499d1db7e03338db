"""The answers to several labels, by the labels' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trimtab.tasks.base import Floats, Target
    from trimtab.tasks.joint.parts import Part


class Words:
    """See ``base.Words``.

    Args:
        parts: The labels.
    """

    output = "The outputs, one for each label"

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        """Yields what each label's task answers, under its name."""
        alone = [
            part.task.words.answers(part.answers(outputs), target.parts[part.name]) for part in self._parts
        ]
        names = [part.name for part in self._parts]
        for row in zip(*alone, strict=True):
            yield dict(zip(names, row, strict=True))
