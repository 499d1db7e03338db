"""The average of the weights is what is judged and what is kept, and training goes on from the last step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from train.test_loop import network, settings

from trimtab.data.dataset.dataset import Dataset
from trimtab.train import loop, variables
from trimtab.train.history import History
from trimtab.train.workspace import Workspace

SHARE, STEPS = 0.2, 21


class Recorder(keras.callbacks.Callback):
    """Keeps what every step leaves in the model."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps.append(variables.weights(self.model))

    def average(self, over: float) -> list[np.ndarray]:
        average = self.steps[0]
        for step in self.steps[1:]:
            average = [a + (w - a) / over for a, w in zip(average, step, strict=True)]
        return average


def fit(data: Dataset, space: Path | None = None, **train: object) -> tuple[keras.Model, History, Recorder]:
    model, recorder = network(), Recorder()
    workspace = Workspace(space, space / "logs") if space else None
    history = loop.fit(
        model, data, settings(**train), label="test", workspace=workspace, callbacks=[recorder]
    )
    return model, history, recorder


def test_what_is_kept_is_the_average_and_training_does_not_start_from_it(
    classification: Callable[..., Dataset],
) -> None:
    data = classification()
    plain, _, alone = fit(data)
    model, history, recorder = fit(data, average=SHARE)
    assert len(recorder.steps) == STEPS
    for step, other in zip(recorder.steps, alone.steps, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(step, other, strict=True))
    for kept, expected in zip(model.get_weights(), recorder.average(SHARE * STEPS), strict=False):
        np.testing.assert_allclose(kept, expected, atol=1e-6)
    assert any((a != b).any() for a, b in zip(model.get_weights(), plain.get_weights(), strict=True))
    x, y = data.arrays("validation")
    loss = -np.log(model.predict_on_batch(data.model_input(x))[np.arange(len(y)), y]).mean()
    assert loss == pytest.approx(history.epochs[-1]["val_loss"], rel=1e-4)


def test_of_the_epochs_it_keeps_the_best_average(classification: Callable[..., Dataset]) -> None:
    data = classification(rows=(60, 60))
    stopping = {"patience": 2}
    model, history, _ = fit(data, epochs=40, learning_rate=0.5, average=0.05, early_stopping=stopping)
    assert history.stopped_early
    x, y = data.arrays("validation")
    loss = -np.log(model.predict_on_batch(data.model_input(x))[np.arange(len(y)), y]).mean()
    assert loss == pytest.approx(history.kept_epoch["val_loss"], rel=1e-3)


def test_without_validation_rows_the_average_is_kept(classification: Callable[..., Dataset]) -> None:
    model, _, recorder = fit(classification(rows=(224, 0)), average=SHARE)
    for kept, expected in zip(model.get_weights(), recorder.average(SHARE * STEPS), strict=False):
        np.testing.assert_allclose(kept, expected, atol=1e-6)


def test_a_run_goes_on_with_the_average_of_its_checkpoint(
    classification: Callable[..., Dataset], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = classification()
    often = {"average": SHARE, "checkpoint_seconds": 1e-9}
    whole, first, _ = fit(data, tmp_path, **often)
    ended, _, _ = fit(data, tmp_path, **often)
    assert "was trained to the end before" in capfd.readouterr().err
    max(tmp_path.glob("*.ckpt")).unlink()
    again, second, _ = fit(data, tmp_path, **often)
    assert f"resumes at epoch 3/3, step {STEPS // 3 - 1}" in capfd.readouterr().err
    for one in (ended, again):
        assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), whole.get_weights(), strict=True))
    assert second.epochs[-1]["val_loss"] == first.epochs[-1]["val_loss"]


def test_a_run_killed_in_an_epoch_before_the_last_goes_on_from_the_last_step(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    """What is left of the epoch is a fit of its own, at whose end Keras leaves the average in the model."""
    data = classification()
    whole, _, _ = fit(data, average=SHARE)

    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 4:
                raise KeyboardInterrupt

    often = settings(average=SHARE, checkpoint_seconds=1e-9)
    space = Workspace(tmp_path, tmp_path / "logs")
    with pytest.raises(KeyboardInterrupt):
        loop.fit(network(), data, often, label="test", workspace=space, callbacks=[Killed()])
    again, _, _ = fit(data, tmp_path, average=SHARE, checkpoint_seconds=1e-9)
    assert all(np.array_equal(a, b) for a, b in zip(again.get_weights(), whole.get_weights(), strict=True))
