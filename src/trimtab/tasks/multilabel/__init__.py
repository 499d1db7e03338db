"""Multilabel: any of several labels, each by a probability of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.tasks.multilabel.judging import Judging
from trimtab.tasks.multilabel.meaning import Meaning
from trimtab.tasks.multilabel.words import Words

if TYPE_CHECKING:
    from trimtab.tasks.multilabel.learning import Learning


class Multilabel:
    """See ``base.Task``."""

    name = "multilabel"
    meaning = Meaning()
    judging = Judging()
    words = Words()

    @property
    def learning(self) -> Learning:
        """See ``base.Task.learning``."""
        from trimtab.tasks.multilabel.learning import Learning

        return Learning()


TASK = Multilabel()
