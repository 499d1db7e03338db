"""What a pass is given: labelled examples, and fine-tunings in parts that have places of their own."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.artifacts.hyperparameters import Hyperparameters
from trimtab.compress.apply import apply
from trimtab.compress.channels import Channels
from trimtab.config.chains import Step
from trimtab.config.config import Config
from trimtab.config.fine_tuning import Teacher
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ModelError
from trimtab.stages import questions
from trimtab.stages.making.context import Making
from trimtab.stages.making.labelled import labelled
from trimtab.stages.making.teaching import taught, teaching

CONFIG = {"data": {"train": "sklearn://digits"}, "model": {"architecture": "mlp"}}


def network() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    x = layers.Dense(16, activation="relu", name="hidden")(layers.Flatten()(inputs))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def test_labelled_examples_are_of_training_and_as_the_loss_takes_them(digits_dataset: Path) -> None:
    data = Dataset.open(digits_dataset)
    x, y, loss = labelled(data, 3, {})(50)
    expected, labels = data.sample("train", 50, 3)
    np.testing.assert_array_equal(x, expected["input"])
    np.testing.assert_array_equal(y, labels)
    assert float(loss(y, np.full((50, 10), 0.1, np.float32))) > 2.3


def test_parts_of_a_pass_number_their_epochs_on_and_share_no_checkpoint(
    digits_dataset: Path, tmp_path: Path
) -> None:
    model = network()
    making = Making(
        str(tmp_path), "prune narrow", Config.model_validate(CONFIG), Dataset.open(digits_dataset),
        Hyperparameters(), "parent", lambda: model,
    )  # fmt: skip
    step = Step("channels", Channels(ratio=0.5, rounds=2, epochs=3))
    assert apply(step, model, making.context()).get_layer("hidden").units == 8
    assert [epoch["epoch"] for epoch in making.history] == [1, 2, 3]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "prune.narrow",
        "prune.narrow.2",
    ]


def test_a_saved_model_teaches_a_pass_and_a_training_by_its_content(
    digits_dataset: Path, tmp_path: Path
) -> None:
    data, teacher, baseline = Dataset.open(digits_dataset), network(), network()
    teacher.save(tmp_path / "teacher.keras")
    named = Teacher(model=str(tmp_path / "teacher.keras"), temperature=1, alpha=1)
    x = data.head("validation", 8)[0]["input"]
    for settings, expected in ((named, teacher), (Teacher(), baseline)):
        found = teaching(data, lambda: baseline)(settings).teacher
        np.testing.assert_allclose(found(x), expected(x), atol=1e-6)
    assert taught(data, None) is None
    step = Step("channels", Channels(teacher=named))
    before = questions.step(step)
    network().save(tmp_path / "teacher.keras")
    assert questions.step(step) != before
    assert list(questions.step(Step("channels", Channels(teacher=Teacher())))) == ["step"]
    narrow = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    narrow.save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match=r"other\.keras"):
        teaching(data, lambda: baseline)(Teacher(model=str(tmp_path / "other.keras")))
