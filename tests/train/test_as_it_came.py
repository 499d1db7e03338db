"""What a model scores before training, and the range that it seems to expect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimtab.config.data import Data
from trimtab.config.model import Model
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.encoders.form import Form
from trimtab.data.prepare.prepare import prepare
from trimtab.errors import ModelError
from trimtab.storage import artifact
from trimtab.train import as_it_came

ANY = Model(archive="m.onnx")
SAID = Model(archive="m.onnx", classes=["a", "b"])


def _images(directory: Path, form: Form) -> Dataset:
    """Dark images are a, bright ones b."""
    rng = np.random.default_rng(0)
    bright = rng.integers(0, 2, 400)
    x = rng.integers(0, 100, (400, 6, 6)) + bright[:, None, None] * 120
    np.savez(directory / "images.npz", x=x.astype(np.uint8), y=np.where(bright == 1, "b", "a"))
    return _prepared(Data(train=str(directory / "images.npz"), workers=1), directory, form)


def _prepared(data: Data, directory: Path, form: Form) -> Dataset:
    with artifact.create(directory / "dataset", "dataset") as draft:
        draft.counts = dict(prepare(data, seed=0, directory=draft.path, form=form).rows)
    return Dataset.open(directory / "dataset")


def _brighter_than(threshold: float) -> as_it_came.Predict:
    def predict(x: np.ndarray) -> np.ndarray:
        right = x.reshape(len(x), -1).mean(axis=1) > threshold
        return np.stack([~right, right], axis=1).astype(np.float32)

    return predict


def test_the_score_is_that_of_the_validation_rows(tmp_path: Path) -> None:
    came = as_it_came.judge(_brighter_than(110), _images(tmp_path, Form("raw")), ANY)
    assert came is not None
    assert (came.metric, came.value, came.warning) == ("accuracy", 1.0, "")
    assert came.examples == Dataset.open(tmp_path / "dataset").rows["validation"]
    assert as_it_came.told(came) == f"accuracy 100.00% on {came.examples} validation examples"


@pytest.mark.parametrize("form", [Form(), Form((0.0, 1.0))])
def test_a_model_that_would_do_better_on_another_range_is_warned_of(tmp_path: Path, form: Form) -> None:
    came = as_it_came.judge(_brighter_than(110), _images(tmp_path, form), ANY)
    assert came is not None
    assert came.value < 0.7
    assert came.warning.endswith("it seems to expect model.input: [0, 255]")
    assert "100.00%" in came.warning


def test_an_untrained_model_of_which_nobody_said_the_range_is_refused(tmp_path: Path) -> None:
    came = as_it_came.judge(_brighter_than(110), _images(tmp_path, Form()), ANY)
    with pytest.raises(ModelError, match=r"(?s)model\.input.*--set 'model\.input=\[0, 255\]'"):
        as_it_came.refuse_another_way(came, Model(archive="m.onnx"))
    as_it_came.refuse_another_way(came, Model(archive="m.onnx", input="standardized"))


def test_a_model_that_is_bad_on_every_range_is_not(tmp_path: Path) -> None:
    came = as_it_came.judge(_brighter_than(1e9), _images(tmp_path, Form()), ANY)
    assert came is not None
    assert came.warning == ""


def test_a_range_on_which_a_model_is_better_but_no_better_than_chance_is_none(tmp_path: Path) -> None:
    def backwards_or_constant(x: np.ndarray) -> np.ndarray:
        """Is always wrong on standardized images, and says b of every other one."""
        right = x.reshape(len(x), -1).mean(axis=1) < (0 if x.min() < 0 else 1e9)
        return np.stack([~right, right], axis=1).astype(np.float32)

    came = as_it_came.judge(backwards_or_constant, _images(tmp_path, Form()), SAID)
    assert came is not None
    assert (came.value, came.warning) == (0.0, "")


def test_numbers_of_a_table_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    size = rng.normal(500, 100, 600).round(3)
    rows = [f"{each},{3 * each + rng.normal():.3f}" for each in size]
    (tmp_path / "a.csv").write_text("size,price\n" + "\n".join(rows) + "\n")
    data = Data(train=str(tmp_path / "a.csv"), label="price", task="regression", workers=1)
    dataset = _prepared(data, tmp_path, Form("standardized", raw_label=True))
    came = as_it_came.judge(lambda x: 3 * x, dataset, ANY)
    assert came is not None
    assert came.metric == "mae"
    assert came.value > 1000
    assert came.warning.endswith("model.input: raw")


def _darker_than(threshold: float) -> as_it_came.Predict:
    brighter = _brighter_than(threshold)
    return lambda x: brighter(x)[:, ::-1]


def test_classes_that_are_in_another_order_are_told_and_refused_where_nobody_said_theirs(
    tmp_path: Path,
) -> None:
    images = _images(tmp_path, Form("raw"))
    came = as_it_came.judge(_darker_than(110), images, ANY)
    assert came is not None
    assert (came.value, came.better_input, came.better_classes) == (0.0, "", ["b", "a"])
    assert "accuracy 100.00%" in came.warning
    with pytest.raises(ModelError, match=r"(?s)model\.classes.*--set 'model\.classes=\[b, a\]'"):
        as_it_came.refuse_another_way(came, ANY)
    said = as_it_came.judge(_darker_than(110), images, SAID)
    assert said is not None
    assert (said.value, said.warning) == (0.0, "")


def test_another_order_and_another_range_are_found_together(tmp_path: Path) -> None:
    came = as_it_came.judge(_darker_than(110), _images(tmp_path, Form()), ANY)
    assert came is not None
    assert (came.better_input, came.better_classes) == ("[0, 255]", ["b", "a"])
    with pytest.raises(ModelError, match=r"(?s)'model\.input=\[0, 255\]' --set 'model\.classes=\[b, a\]'"):
        as_it_came.refuse_another_way(came, ANY)


def test_a_model_that_knows_nothing_is_in_no_other_order(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    came = as_it_came.judge(
        lambda x: generator.random((len(x), 2)).astype(np.float32), _images(tmp_path, Form("raw")), ANY
    )
    assert came is not None
    assert (came.better_classes, came.warning) == ([], "")


def test_names_that_would_be_read_as_something_else_are_told_in_quotes(tmp_path: Path) -> None:
    rows = [f"{place // 2},{'no' if place < 300 else 'several; more'}" for place in range(600)]
    (tmp_path / "a.csv").write_text("\n".join(["size,answer", *rows, ""]))
    data = Data(train=str(tmp_path / "a.csv"), label="answer", workers=1)
    dataset = _prepared(data, tmp_path, Form("raw"))
    came = as_it_came.judge(lambda x: np.concatenate([x >= 150, x < 150], 1).astype(np.float32), dataset, ANY)
    assert came is not None
    assert came.warning.endswith('it seems to expect model.classes: [several; more, "no"]')
