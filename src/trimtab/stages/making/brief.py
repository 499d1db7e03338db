"""A training of next to nothing, in which a pass does all that it does, on a few rows."""

from __future__ import annotations

from trimtab.config.chains import Step
from trimtab.config.train import Augment

ROWS, BATCH_SIZE = 32, 16
BRIEF = {
    "epochs": 1,
    "batch_size": BATCH_SIZE,
    "warmup_epochs": 0.0,
    "class_weight": None,
    "augment": Augment(),
    "early_stopping": None,
    "profile": None,
}
"""In the place of the config's `train` section: what only whole data or whole trainings can do is out."""


def short(step: Step) -> Step:
    """Returns a step with an epoch, if it trains."""
    if "epochs" not in type(step.params).model_fields:
        return step
    return Step(step.name, step.params.model_copy(update={"epochs": 1}))
