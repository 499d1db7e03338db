"""What every task of the registry keeps."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field

import keras
import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.budget import Budget
from trimtab.config.data import Data
from trimtab.config.limits import Limit
from trimtab.config.retrain import Retrain
from trimtab.data.encoders.labels import encode_labels
from trimtab.data.readers.label import may_be_several
from trimtab.data.readers.several import with_joined_labels
from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.data.statistics.summary import Summary
from trimtab.evaluate.significance import LOSSES
from trimtab.registry import METRICS, TASKS, module
from trimtab.tasks import masks, several
from trimtab.tasks.base import Task
from trimtab.tasks.registry import task as task_of

ROWS = 60
LABELS = {
    "anomaly": ["fine", "fine", "broken"] * (ROWS // 3),
    "multilabel": ["red|round", "green", "", "round|red|blue"] * (ROWS // 4),
    "segmentation": [masks.encoded(np.full((4, 4), place % 3, np.uint8)) for place in range(ROWS)],
    "classification": ["red", "green", "blue"] * (ROWS // 3),
    "regression": [place / 7 for place in range(ROWS)],
    "toy": ["no", "yes"] * (ROWS // 2),
}
"""A column of labels of each task."""

SETTINGS = {"anomaly": {"normal": "fine"}, "segmentation": {"masks": {}}}
"""What the config says beside the task."""

INPUTS = {"segmentation": ("image", (4, 4, 1))}
"""The kind and the shape of the input, where it is no table."""

BINNED = {"anomaly": 0.02}
"""How far the metric of an epoch may be from the headline, where it is not the same to rounding."""


@dataclass
class Case:
    """A task with encoded labels and random answers."""

    task: Task
    schema: DatasetSchema
    y: np.ndarray
    outputs: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        inputs = keras.Input(self.schema.input.shape)
        output = self.task.learning.output(inputs, self.schema.outputs, "predictions")
        keras.utils.set_random_seed(0)
        self.model = keras.Model(inputs, output)
        self.x = np.random.default_rng(0).random((ROWS, *self.schema.input.shape)).astype(np.float32)
        self.raw = np.asarray(self.model(self.x))
        self.outputs = self.task.judging.answers(self.x, self.raw)


def settings_of(task: str) -> Data:
    return Data(train="rows.csv", task=task, **SETTINGS.get(task, {}))


def batch_of(labels: list[object], config: Data) -> pa.RecordBatch:
    """Returns the rows of a source, as its reader gives them."""
    batch = pa.RecordBatch.from_pydict({"label": labels})
    if config.masks is not None:
        return with_masks(labels)
    return with_joined_labels(batch, config, "rows.csv") if may_be_several(config) else batch


def with_masks(labels: list[bytes | None]) -> pa.RecordBatch:
    classes = [
        None if mask is None else several.joined(map(str, masks.decoded(mask, 1, 1)[0])) for mask in labels
    ]
    return pa.RecordBatch.from_pydict({"label": classes, masks.COLUMN: pa.array(labels, pa.binary())})


@pytest.fixture(params=[*TASKS, "toy"])
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setitem(TASKS, "toy", "tasks.toy_task")
    task, config = task_of(request.param), settings_of(request.param)
    batch = batch_of(LABELS[request.param], config)
    column = Summary.of(batch, config).columns["label"]
    mean, std = task.meaning.scale(column)
    kind, shape = INPUTS.get(request.param, ("tabular", (4,)))
    schema = DatasetSchema(
        task=task.name,
        label="label",
        classes=task.meaning.classes(column, "label", config),
        columns=[],
        input=TensorSpec(kind=kind, shape=shape, stored_dtype="float32"),
        label_mean=mean,
        label_std=std,
        normal=config.normal or "",
        preprocessing={},
    )
    y, usable = encode_labels(batch, schema)
    assert usable.all()
    return Case(task, schema, y)


def test_its_name_is_the_registry_s(case: Case) -> None:
    assert case.task is task_of(case.task.name)


def test_labels_are_stored_as_it_says(case: Case) -> None:
    assert case.y.dtype == case.task.meaning.y_dtype
    assert case.y.shape == (ROWS, *case.task.meaning.y_shape(case.schema))


def test_a_label_that_is_missing_is_not_usable(case: Case) -> None:
    batch = batch_of([None, *LABELS[case.task.name][1:]], settings_of(case.task.name))
    _, usable = encode_labels(batch, case.schema)
    assert usable.tolist() == [False] + [True] * (ROWS - 1)


def test_classes_are_counted_as_often_as_they_occur(case: Case) -> None:
    counts = np.bincount(case.task.meaning.class_indices(case.y), minlength=len(case.schema.classes))
    assert bool(counts.sum()) == bool(case.schema.classes)


def test_of_one_output_no_loss_weighs_more_than_another(case: Case) -> None:
    assert case.task.learning.loss_weights is None


def test_its_head_answers_what_it_accepts(case: Case) -> None:
    assert case.raw.shape == (ROWS, case.schema.outputs)
    assert case.task.learning.objection(case.raw.astype(np.float64)) is None
    assert case.task.learning.adapted(case.model, case.schema.outputs) is case.model


@pytest.mark.parametrize("soft", [False, True])
def test_it_learns(case: Case, soft: bool) -> None:
    learning = case.task.learning
    y = learning.labels(case.x, case.y)
    if soft:
        teacher = learning.softened(keras.ops.convert_to_tensor(case.raw), 2.0, y)
        y = np.asarray(0.5 * teacher + 0.5 * learning.mixable(y, case.schema.outputs))
    optimizer = keras.optimizers.Adam(0.05)
    loss, metrics = learning.loss(keras, soft=soft), learning.metrics(keras, soft=soft)
    case.model.compile(optimizer, loss, metrics=metrics)
    history = case.model.fit(case.x, y, epochs=15, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(history[case.task.judging.headline.metric]).all()


def test_its_headline_is_the_mean_of_the_scores(case: Case) -> None:
    judging = case.task.judging
    quality = judging.quality(case.outputs, case.y, case.schema)
    scores = judging.scores(case.outputs, case.y, case.schema, case.schema)
    np.testing.assert_allclose(quality.scores, scores, rtol=1e-6)
    assert quality.metrics[judging.headline.metric] == pytest.approx(scores.mean())
    assert all(np.isfinite(list(quality.metrics.values())))


def test_metrics_see_its_answers_in_one_form(case: Case) -> None:
    judging = case.task.judging
    view = judging.view(case.outputs, case.y, case.schema, case.schema)
    fitting = [name for name in METRICS if judging.form in module(METRICS, name).METRICS[name].forms]
    assert len(view.labels) == len(view.answers) == ROWS
    assert fitting
    headline = module(METRICS, judging.headline.metric).METRICS[judging.headline.metric]
    least = "min" if judging.headline.better == "higher" else "max"
    asked = Limit.model_validate({"metric": judging.headline.metric, least: 1.0})
    measure = headline.make(asked, case.schema.classes)
    scores = judging.scores(case.outputs, case.y, case.schema, case.schema)
    assert measure.value(view.labels, view.answers) == pytest.approx(scores.mean(), rel=1e-6)
    if measure.bound not in ("area", "resampled"):  # of which scores rank, or there are none
        np.testing.assert_allclose(measure.scores(view.labels, view.answers), scores, rtol=1e-6)


def test_its_headline_is_so_with_a_model_s_own_thresholds(case: Case) -> None:
    judging, schema = case.task.judging, case.schema
    own = schema.with_thresholds(judging.thresholds(case.outputs, case.y, schema))
    scores = judging.scores(case.outputs, case.y, schema, own)
    metric = judging.headline.metric
    assert judging.quality(case.outputs, case.y, own).metrics[metric] == pytest.approx(scores.mean())
    assert len(own.thresholds) in (0, 1, len(schema.classes))


def test_its_training_metric_is_its_headline(case: Case) -> None:
    learning, headline = case.task.learning, case.task.judging.headline
    case.model.compile(loss=learning.loss(keras), metrics=learning.metrics(keras))
    y = learning.labels(case.x, case.y)
    found = case.model.evaluate(case.x, y, verbose=0, return_dict=True)[headline.metric]
    scores = case.task.judging.scores(case.outputs, case.y, case.schema, case.schema)
    assert found * case.schema.label_std == pytest.approx(scores.mean(), rel=BINNED.get(case.task.name, 1e-4))


def test_its_headline_has_a_bound_and_a_limit(case: Case) -> None:
    headline = case.task.judging.headline
    assert headline.bound in LOSSES
    assert headline.limit in Budget.model_fields
    assert headline.limit in Retrain.model_fields


def test_a_loss_is_past_the_margin_by_as_much_as_is_said(case: Case) -> None:
    headline = case.task.judging.headline
    scores = case.task.judging.scores(case.outputs, case.y, case.schema, case.schema)
    assert headline.excess(scores, scores, 0.1).mean() < 0
    assert headline.cost(2.0) == pytest.approx(2.0) if headline.better == "lower" else headline.cost(1.0) == 0


def test_it_answers_every_row_in_words_of_json(case: Case) -> None:
    answers = list(case.task.words.answers(case.outputs, case.schema))
    assert len(answers) == ROWS
    assert {frozenset(answer) for answer in answers} == {frozenset(answers[0])}


def test_nothing_but_learning_imports_a_training_library() -> None:
    code = (
        "import sys\n"
        "from trimtab.registry import TASKS\n"
        "from trimtab.tasks.registry import task\n"
        "assert all(map(task, TASKS))\n"
        "sys.exit(', '.join({'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
