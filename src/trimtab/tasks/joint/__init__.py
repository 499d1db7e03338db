"""Several labels a row, each of a task of its own: one model answers all, by an output each.

It is in no registry: no column means it. ``tasks.of_labels.meant`` makes it of a dataset's labels, and
whoever asks what labels mean need not know whether there are several.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from trimtab.tasks.joint.judging import Judging
from trimtab.tasks.joint.meaning import Meaning
from trimtab.tasks.joint.parts import parts_of
from trimtab.tasks.joint.words import Words

if TYPE_CHECKING:
    from trimtab.tasks import base
    from trimtab.tasks.base import Target


class Joint:
    """See ``base.Task``.

    Args:
        target: What is known of the labels, which are several. What is asked of it later is of the same
            labels, but for classes and thresholds.
    """

    def __init__(self, target: Target) -> None:
        self._parts = parts_of(target)
        self.name = " + ".join(part.task.name for part in self._parts)
        self.meaning: base.Meaning = Meaning(self._parts)
        self.judging: base.Judging = Judging(self._parts)
        self.words: base.Words = Words(self._parts)

    @cached_property
    def learning(self) -> base.Learning:
        """See ``base.Task.learning``."""
        from trimtab.tasks.joint.learning import Learning

        return Learning(self._parts)
