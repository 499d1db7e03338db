"""The models whose answers are mixed into labels."""

from __future__ import annotations

from collections.abc import Callable

import keras

from trimtab.config.fine_tuning import BASELINE, Teacher
from trimtab.data.dataset.dataset import Dataset
from trimtab.tasks.of_labels import meant
from trimtab.train.distillation import SoftLabels
from trimtab.train.spec import model_spec

Teaching = Callable[[Teacher], SoftLabels]


def teaching(data: Dataset, baseline: Callable[[], keras.Model]) -> Teaching:
    """Returns what makes the labels of a teacher.

    Args:
        data: The dataset.
        baseline: Returns the trained model.
    """

    def labels(settings: Teacher) -> SoftLabels:
        teacher = baseline() if settings.model == BASELINE else _saved(settings.model, data)
        return SoftLabels(teacher, settings, meant(data.schema).learning)

    return labels


def taught(data: Dataset, settings: Teacher | None) -> SoftLabels | None:
    """Returns the labels of a training from scratch, which only a saved model can teach; None: the true ones.

    Args:
        data: The dataset.
        settings: Of the config's ``train`` section.
    """

    def none() -> keras.Model:
        raise AssertionError("the config refuses the baseline as the teacher of itself")

    return teaching(data, none)(settings) if settings is not None else None


def _saved(source: str, data: Dataset) -> keras.Model:
    from trimtab.models import registry  # it imports KerasTuner, which no other teacher needs

    return registry.saved(source, model_spec(data.schema))
