from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trimtab.config.fine_tuning import FineTuning, Teacher
from trimtab.config.tensorboard import TensorBoard
from trimtab.config.train import Train
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import TrainingError
from trimtab.models.cost import weights_sha256
from trimtab.tasks.registry import task
from trimtab.train import determinism, loop
from trimtab.train.distillation import SoftLabels
from trimtab.train.feed import Feed
from trimtab.train.history import History
from trimtab.train.logs import MOST_BYTES, Logs
from trimtab.train.optimizer import learning_rate
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace

LEARNING = task("classification").learning


def network(shape: tuple[int, ...] = (8, 8, 1), outputs: int = 3) -> keras.Model:
    keras.backend.clear_session()  # layers are named as in a new process
    determinism.prepare(1)
    inputs = keras.Input(shape)
    x = keras.layers.Dense(16, activation="relu")(keras.layers.Flatten()(inputs))
    x = keras.layers.Dropout(0.2)(x)
    activation = "softmax" if outputs > 1 else None
    return keras.Model(inputs, keras.layers.Dense(outputs, activation=activation)(x))


def settings(tensorboard: TensorBoard | None = None, **train: object) -> TrainSettings:
    base = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01}
    return TrainSettings(Train.model_validate({**base, **train}), 1, tensorboard or TensorBoard())


def fit(
    data: Dataset, model: keras.Model | None = None, workspace: Workspace | None = None, **train: object
) -> History:
    model = network(data.schema.input.shape, data.schema.outputs) if model is None else model
    return loop.fit(model, data, settings(**train), label="test", workspace=workspace)


def test_no_code_is_rewritten_for_it(
    classification: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = classification()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fit(data, epochs=1)
    assert not list(tmp_path.glob("__autograph_generated_file*"))


def test_it_learns_and_tells_every_epoch(
    classification: Callable[..., Dataset], capfd: pytest.CaptureFixture[str]
) -> None:
    history = fit(classification(), epochs=5)
    assert [entry["epoch"] for entry in history.epochs] == [1, 2, 3, 4, 5]
    assert history.epochs[-1]["val_accuracy"] > 0.9
    assert history.epochs[0].keys() == {
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    }  # fmt: skip
    lines = [
        line for line in capfd.readouterr().err.splitlines() if line.startswith("trimtab | test | epoch")
    ]
    assert len(lines) == 5
    for part in ("epoch 5/5", "loss", "accuracy", "val_loss", "val_accuracy", "examples/s", "ETA"):
        assert part in lines[-1]


def test_regression_learns(regression: Callable[..., Dataset]) -> None:
    history = fit(regression(), epochs=15, learning_rate=0.03)
    assert history.epochs[-1]["val_mae"] < 0.5


def test_without_validation_rows_it_trains(classification: Callable[..., Dataset]) -> None:
    history = fit(classification(rows=(64, 0)), early_stopping={"patience": 1})
    assert len(history.epochs) == 3
    assert "val_loss" not in history.epochs[0]


def test_the_model_it_leaves_holds_no_trace_of_training(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    model = network()
    fit(classification(), model, warmup_epochs=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.compiled
    assert weights_sha256(loaded) == weights_sha256(model)


def test_early_stopping_restores_the_best_weights(classification: Callable[..., Dataset]) -> None:
    data, model = classification(rows=(60, 60)), network()
    history = fit(
        data, model, epochs=40, learning_rate=0.5, schedule="constant", early_stopping={"patience": 2}
    )
    losses = [entry["val_loss"] for entry in history.epochs]
    assert history.stopped_early
    assert history.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 2
    x, y = data.arrays("validation")
    probabilities = model.predict_on_batch(data.model_input(x))
    loss = -np.log(probabilities[np.arange(len(y)), y]).mean()
    assert loss == pytest.approx(min(losses), rel=1e-3)
    assert history.kept_epoch["val_loss"] == min(losses)


def test_a_loss_that_is_not_a_number_stops_it(classification: Callable[..., Dataset]) -> None:
    with pytest.raises(
        TrainingError, match=r"not a number in epoch 1, step [1-7][\s\S]*smaller train.learning_rate"
    ):
        fit(classification(), model=_diverging())


def _diverging() -> keras.Model:
    determinism.prepare(1)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.ops.log(x) * 1e30)


def test_class_weights_change_what_is_learned(classification: Callable[..., Dataset]) -> None:
    data = classification(share=[0.9, 0.05, 0.05])
    plain, weighted = network(), network()
    fit(data, plain)
    fit(data, weighted, class_weight="balanced")
    assert weights_sha256(plain) != weights_sha256(weighted)


def test_mixed_precision_trains_and_leaves_a_float32_model(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    data, model, plain = classification(), network(), network()
    history = fit(data, model, epochs=5, mixed_precision=True)
    fit(data, plain, epochs=5)
    assert history.epochs[-1]["val_accuracy"] > 0.9
    assert weights_sha256(model) != weights_sha256(plain), "it computed in 32 bits"
    assert {layer.dtype_policy.name for layer in model._flatten_layers()} == {"float32"}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}


def test_another_run_does_not_take_its_checkpoints(
    classification: Callable[..., Dataset], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, first, second = classification(), network(), network()
    loop.fit(first, data, settings(), label="a", workspace=Workspace(tmp_path, tmp_path / "logs"))
    history = loop.fit(
        second,
        data,
        settings(learning_rate=0.02),
        label="b",
        workspace=Workspace(tmp_path, tmp_path / "logs"),
    )
    assert len(history.epochs) == 3
    assert (
        "b | checkpoint step-000000000021.ckpt is of another run (settings differ)" in capfd.readouterr().err
    )
    assert weights_sha256(first) != weights_sha256(second)


def test_a_binding_of_the_callers_keeps_runs_apart(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    data = classification()
    for parent in "ab":
        model = network()
        history = loop.fit(
            model,
            data,
            settings(),
            label="test",
            workspace=Workspace(tmp_path, tmp_path / "logs"),
            binding={"parent": parent},
        )
        assert len(history.epochs) == 3
        assert history.epochs[0]["loss"] > history.epochs[-1]["loss"]


def without_seconds(entry: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in entry.items() if name != "seconds"}


def test_a_damaged_checkpoint_costs_one_epoch_and_no_bits(
    classification: Callable[..., Dataset], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, whole, again = classification(), network(), network()
    first = loop.fit(whole, data, settings(), label="test", workspace=Workspace(tmp_path, tmp_path / "logs"))
    newest = max(tmp_path.glob("*.ckpt"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    capfd.readouterr()
    second = loop.fit(again, data, settings(), label="test", workspace=Workspace(tmp_path, tmp_path / "logs"))
    progress = capfd.readouterr().err
    assert "is damaged" in progress
    assert "resumes at epoch 3/3, step 0/7" in progress
    assert weights_sha256(again) == weights_sha256(whole)
    assert [without_seconds(entry) for entry in second.epochs] == [without_seconds(e) for e in first.epochs]


def test_fine_tuning_is_the_same_loop_and_resumes(
    classification: Callable[..., Dataset], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = classification()
    histories: list[History] = []
    fine_tune = loop.fine_tuner(
        data,
        settings(learning_rate=0.1),
        label="prune channels-0.5",
        workspace=lambda: contextlib.nullcontext(Workspace(tmp_path / "checkpoints", tmp_path / "logs")),
        binding={"parent": "abc"},
        teaching=lambda settings: SoftLabels(network(), settings, LEARNING),
        ended=histories.append,
    )
    models = [network(), network()]
    for model in models:
        fine_tune(model, FineTuning(epochs=2, learning_rate_factor=0.1))
    progress = capfd.readouterr().err
    assert progress.count("prune channels-0.5 | epoch 2/2") == 1
    assert "was trained to the end before" in progress
    assert weights_sha256(models[0]) == weights_sha256(models[1])
    assert [[entry["epoch"] for entry in history.epochs] for history in histories] == [[1, 2], [1, 2]]


def test_tensorboard_shows_both_splits_the_rate_and_what_is_asked_for(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    history = fit(
        classification(),
        workspace=Workspace(tmp_path / "checkpoints", tmp_path),
        tensorboard=TensorBoard(histograms=True, graph=True),
    )
    train = EventAccumulator(str(tmp_path / "train")).Reload()
    validation = EventAccumulator(str(tmp_path / "validation")).Reload()
    assert {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"} <= set(train.Tags()["tensors"])
    assert set(validation.Tags()["tensors"]) == {"epoch_loss", "epoch_accuracy"}
    found = [(event.step, event.tensor_proto.float_val[0]) for event in validation.Tensors("epoch_loss")]
    assert found == [(e["epoch"], pytest.approx(e["val_loss"])) for e in history.epochs]
    assert train.Tags()["graph"]
    kernels = [tag for tag in train.Tags()["tensors"] if tag.endswith("kernel")]
    assert len(kernels) == 2
    assert len(train.Tensors(kernels[0])) == 3


def test_tensorboard_shows_augmented_images_as_the_model_gets_them(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    space = Workspace(tmp_path / "checkpoints", tmp_path)
    fit(classification(), workspace=space, epochs=1, augment={"crop_padding": 2})
    train = EventAccumulator(str(tmp_path / "train")).Reload()
    (picture,) = train.Tensors("inputs/augmented")
    sheet = Image.open(io.BytesIO(picture.tensor_proto.string_val[2])).convert("L")
    assert 0 in sheet.getdata(), "the border of zeros, which no image of these has"
    fit(classification(), workspace=Workspace(tmp_path / "other", tmp_path / "plain"), epochs=1)
    plain = EventAccumulator(str(tmp_path / "plain" / "train")).Reload()
    assert "inputs/augmented" not in plain.Tags()["tensors"]


def test_histograms_of_many_epochs_stay_small(tmp_path: Path) -> None:
    model, epochs = network((8, 8, 1), 3), 1000
    logs = Logs(tmp_path, TensorBoard(histograms=True), 0, epochs)
    for epoch in range(1, epochs + 1):
        logs.epoch(model, {"epoch": float(epoch), "loss": 1.0})
    logs.close()
    (file,) = (tmp_path / "train").iterdir()
    assert MOST_BYTES / 2 < file.stat().st_size < 1.5 * MOST_BYTES
    train = EventAccumulator(str(tmp_path / "train"), {"tensors": 0}).Reload()
    kernel = next(tag for tag in train.Tags()["tensors"] if tag.endswith("kernel"))
    assert train.Tensors(kernel)[-1].step == epochs


def test_a_profile_of_the_steps_that_are_asked_for_changes_nothing_else(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    space = Workspace(tmp_path / "checkpoints", tmp_path / "logs")
    profiled = fit(classification(), workspace=space, profile=[6, 9])
    (trace,) = (tmp_path / "logs" / "plugins" / "profile").rglob("*.xplane.pb")
    assert trace.stat().st_size > 1000
    assert trace.read_bytes().count(b"step_num") >= 1, "steps are marked, or no time of a step is known"
    plain = fit(classification())
    assert [entry["val_loss"] for entry in profiled.epochs] == [entry["val_loss"] for entry in plain.epochs]
    assert settings(profile=[6, 9]).digest == settings().digest
    assert settings(profile=[6, 9]).for_fine_tuning(FineTuning(epochs=1)).train.profile is None


def test_a_profile_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationError, match="the first step before the last"):
        settings(profile=[9, 6])


def test_as_much_of_a_fine_tuning_is_warm_up_as_of_the_training() -> None:
    whole = settings(epochs=20, warmup_epochs=1, learning_rate=0.1)
    short = whole.for_fine_tuning(FineTuning(epochs=1, learning_rate_factor=0.5)).train
    assert (short.epochs, short.learning_rate, short.early_stopping) == (1, 0.05, None)
    assert short.warmup_epochs == pytest.approx(0.05)
    steps = 100
    rates = learning_rate(short, steps, keras)
    assert [float(rates(step)) for step in (0, 5, steps)] == pytest.approx([0.0, 0.05, 0.0])


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_a_teacher_answers_for_its_share_of_every_label(
    alpha: float, classification: Callable[..., Dataset]
) -> None:
    data = classification()
    teacher = network()
    soft = SoftLabels(teacher, Teacher(temperature=2.0, alpha=alpha), LEARNING)
    x, y = next(iter(Feed(data, settings()).training()))
    _, labels = next(iter(Feed(data, settings(), soft).training()))
    answers = np.sqrt(np.asarray(teacher(x)))
    expected = alpha * answers / answers.sum(1, keepdims=True) + (1 - alpha) * np.eye(3)[np.asarray(y)]
    np.testing.assert_allclose(np.asarray(labels), expected, atol=1e-5)
    validation = next(iter(Feed(data, settings(), soft).validation()))[1]
    np.testing.assert_array_equal(np.asarray(validation).sum(1), np.ones(len(validation)))


def test_a_student_of_a_teacher_alone_learns_its_answers(classification: Callable[..., Dataset]) -> None:
    data, teacher = classification(), network()
    fit(data, model=teacher, epochs=4)
    student = network()
    fine_tune = loop.fine_tuner(
        data,
        settings(learning_rate=0.02),
        label="test",
        workspace=lambda: contextlib.nullcontext(None),
        binding={},
        teaching=lambda settings: SoftLabels(teacher, settings, LEARNING),
        ended=lambda history: None,
    )
    x = data.head("validation", 60)[0]["input"]

    def distance() -> float:
        return float(np.abs(np.asarray(student(x)) - np.asarray(teacher(x))).mean())

    before = distance()
    alone = Teacher(temperature=1.0, alpha=1.0)
    fine_tune(student, FineTuning(epochs=6, learning_rate_factor=1.0, teacher=alone))
    assert distance() < 0.5 * before
