"""Anomaly: a model that learnt to repeat normal rows repeats others badly, and how badly is their score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.tasks.anomaly.judging import Judging
from trimtab.tasks.anomaly.meaning import Meaning
from trimtab.tasks.anomaly.words import Words

if TYPE_CHECKING:
    from trimtab.tasks.anomaly.learning import Learning


class Anomaly:
    """See ``base.Task``."""

    name = "anomaly"
    meaning = Meaning()
    judging = Judging()
    words = Words()

    @property
    def learning(self) -> Learning:
        """See ``base.Task.learning``."""
        from trimtab.tasks.anomaly.learning import Learning

        return Learning()


TASK = Anomaly()
