"""Passes train as the `train` section says, by the loop that trains everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compress.tfmot.resumable import context_of, network
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from train.conftest import classification

from trimtab.compress.two_four import TwoFour, TwoFourPruning
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import TrainingError
from trimtab.train import determinism

__all__ = ["classification"]
two_four = TwoFourPruning()


@pytest.fixture
def pruned(classification: Callable[..., Dataset], tmp_path: Path) -> Callable[..., np.ndarray]:
    """Returns a function that prunes a model under changed settings, and returns its weights, ``(n,)``."""
    data, runs = classification(), iter(range(100))

    def run(**train: Any) -> np.ndarray:
        determinism.prepare(3)
        model = network(data.schema.input.shape, data.schema.outputs)
        context = context_of(data, tmp_path / str(next(runs)), model, **train)
        result = two_four(model, TwoFour(epochs=2, learning_rate_factor=1.0), context)
        return np.concatenate([weight.ravel() for weight in result.get_weights()])

    return run


@pytest.mark.slow
def test_every_setting_of_the_section_counts(pruned: Callable[..., np.ndarray]) -> None:
    base = pruned()  # that it is the same every time, the next test shows
    changes = ({"weight_decay": 0.1}, {"schedule": "constant"}, {"warmup_epochs": 5}, {"optimizer": "sgd"})
    for change in changes:
        assert np.abs(pruned(**change) - base).max() > 1e-3, change


def test_adamw_decays_as_much_as_it_is_told(pruned: Callable[..., np.ndarray]) -> None:
    one, other = (pruned(optimizer=name, weight_decay=0.0) for name in ("adamw", "adam"))
    np.testing.assert_array_equal(one, other)


def test_a_run_leaves_curves_of_both_splits(classification: Callable[..., Dataset], tmp_path: Path) -> None:
    data = classification()
    model = network(data.schema.input.shape, data.schema.outputs)
    two_four(model, TwoFour(epochs=2), context_of(data, tmp_path, model))
    for split in ("train", "validation"):
        events = EventAccumulator(str(tmp_path / "tensorboard" / split)).Reload()
        assert [event.step for event in events.Tensors("epoch_loss")] == [1, 2]


def test_a_loss_that_is_no_number_is_told_like_any_trainings(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    data = classification()
    model = network(data.schema.input.shape, data.schema.outputs)
    wild = context_of(data, tmp_path, model, class_weight=dict.fromkeys(data.schema.classes, 3e38))
    with pytest.raises(TrainingError, match="not a number"):
        two_four(model, TwoFour(epochs=1), wild)
