"""Regression: a number, standardized while it is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.tasks.regression.judging import Judging
from trimtab.tasks.regression.meaning import Meaning
from trimtab.tasks.regression.words import Words

if TYPE_CHECKING:
    from trimtab.tasks.regression.learning import Learning


class Regression:
    """See ``base.Task``."""

    name = "regression"
    meaning = Meaning()
    judging = Judging()
    words = Words()

    @property
    def learning(self) -> Learning:
        """See ``base.Task.learning``."""
        from trimtab.tasks.regression.learning import Learning

        return Learning()


TASK = Regression()
