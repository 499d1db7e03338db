"""Classification: one of several classes, by softmax probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.tasks.classification.judging import Judging
from trimtab.tasks.classification.meaning import Meaning
from trimtab.tasks.classification.words import Words

if TYPE_CHECKING:
    from trimtab.tasks.classification.learning import Learning


class Classification:
    """See ``base.Task``."""

    name = "classification"
    meaning = Meaning()
    judging = Judging()
    words = Words()

    @property
    def learning(self) -> Learning:
        """See ``base.Task.learning``."""
        from trimtab.tasks.classification.learning import Learning

        return Learning()


TASK = Classification()
