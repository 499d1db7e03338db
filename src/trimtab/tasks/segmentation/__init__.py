"""Segmentation: a class for each pixel of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.tasks.segmentation.judging import Judging
from trimtab.tasks.segmentation.meaning import Meaning
from trimtab.tasks.segmentation.words import Words

if TYPE_CHECKING:
    from trimtab.tasks.segmentation.learning import Learning


class Segmentation:
    """See ``base.Task``."""

    name = "segmentation"
    meaning = Meaning()
    judging = Judging()
    words = Words()

    @property
    def learning(self) -> Learning:
        """See ``base.Task.learning``."""
        from trimtab.tasks.segmentation.learning import Learning

        return Learning()


TASK = Segmentation()
