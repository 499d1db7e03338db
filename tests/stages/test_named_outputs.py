"""A model of several named outputs, through a run's own stages: from a table to answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from pydantic import ValidationError
from stages.deployed import deployed, prepared
from stages.home import Home

from trimtab.artifacts import selection as selections
from trimtab.artifacts.evaluation import Evaluation
from trimtab.artifacts.shard import EVALUATED
from trimtab.batch import answered
from trimtab.config.config import Config
from trimtab.config.model import Model
from trimtab.deploy.predict import predict
from trimtab.deploy.serving.refusal import Refusal
from trimtab.deploy.serving.tensors import answer, metadata, parse
from trimtab.errors import ModelError
from trimtab.models import registry
from trimtab.models.spec import AnswerSpec, ModelSpec
from trimtab.stages import evaluate, prune, quantize
from trimtab.stages.verifying import verify
from trimtab.tasks.of_labels import meant

ROWS = 700
LABELS = {"species": {}, "weight": {"loss_weight": 0.5}, "tags": {"task": "multilabel"}}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    width, height = random.normal(50, 20, ROWS), random.normal(5, 1, ROWS)
    tags = [
        "|".join(name for name, is_so in (("wide", wide), ("high", high)) if is_so)
        for wide, high in zip(width > 50, height > 5, strict=True)
    ]
    columns = {"width": width, "height": height, "tags": tags, "weight": width * height / 10}
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    species = np.where((width - 50) / 20 + (height - 5) > 0, "oak", "elm")
    pa_csv.write_csv(pa.table({**columns, "species": species}), path)
    return path


def config(table: Path, **sections: Any) -> Config:
    return Config.model_validate(
        {
            "data": {"train": str(table), "labels": LABELS, "workers": 1},
            "model": {"architecture": "mlp"},
            "train": {"epochs": 5, "learning_rate": 0.01},
            "recipes": [[{"channels": {"ratio": 0.25, "epochs": 1}}, "int8"]],
            "budget": {
                "outputs": {"weight": {"max_error_increase": 1.0}, "species": {"max_accuracy_drop": 0.2}},
                "max_accuracy_drop": 0.3,
                "objective": "size",
            },
            **sections,
        }
    )


@pytest.fixture(scope="module")
def home(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Returns a run that has deployed what it made of a model of three outputs."""
    home = Home(tmp_path_factory.mktemp("runs") / "runs")
    prepared(home, config(table, deploy={"target": str(home.output / "deployed")}))
    deployed(home)
    return home


def _made(run: str, dataset: str, trained: str) -> str:
    quantized = quantize.run(run, "1/1", dataset, prune.run(run, "1/1", dataset, trained))
    return evaluate.run(run, "1/1", dataset, quantized)


PASSES = {
    "low_rank": {"energy": 0.5},
    "cluster": {"clusters": 16},
    "block": {"sparsity": 0.5},
    "two_four": {},
    "magnitude": {"sparsity": 0.5},
    "qat": {},
}


@pytest.mark.slow
def test_passes_of_the_keras_graph_take_several_outputs(
    table: Path, home: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipes = [[{name: {**given, "epochs": 1}}, "none"] for name, given in PASSES.items()]
    made = home.copy(tmp_path_factory.mktemp("passes") / "runs")
    made.configure(config(table, recipes=recipes))
    outcomes = made.made(EVALUATED, made.task(_made, made.dataset, made.trained))
    assert {name: outcome.reason for name, outcome in outcomes.items() if not outcome.ref} == {}
    assert {name.partition("-")[0] for name in outcomes} >= set(PASSES)
    for outcome in outcomes.values():
        found = made.store.find(outcome.ref)
        assert found is not None
        evaluation = Evaluation.model_validate(found.summary)
        assert list(evaluation.outputs) == list(LABELS)
        assert evaluation.outputs["species"].metrics["accuracy"] > 0.8
        assert evaluation.outputs["weight"].metrics["r2"] > 0.5


def test_a_record_holds_every_label_as_its_task_encodes_it(home: Home) -> None:
    data = home.data()
    assert list(data.schema.parts) == ["species", "weight", "tags"]
    assert (data.schema.label, data.schema.classes) == ("species", ["elm", "oak"])
    _, y = data.arrays("train")
    assert y.shape == (data.rows["train"], 1 + 1 + 2)
    assert set(y[:, 0]) == {0, 1}
    np.testing.assert_allclose([y[:, 1].mean(), y[:, 1].std()], [0, 1], atol=1e-2)
    assert meant(data.schema).name == "classification + regression + multilabel"


def test_every_output_has_a_limit_and_all_must_hold(home: Home) -> None:
    decided = selections.read(home.run)[1]
    assert [(limit.output, limit.name, limit.value) for limit in decided.proof.limits] == [
        ("species", "species: accuracy", 0.2),
        ("weight", "weight: mean absolute error", 1.0),
        ("tags", "tags: F1 score of an example", 0.3),
    ]
    tests = {test.candidate: test for test in decided.proof.tested}
    assert len(tests[str(decided.chosen)].limits) == 3
    assert decided.chosen != "none--none"
    assert verify(str(home.output / "deployed")).tests == len(tests)


def test_each_output_is_evaluated_by_its_own_task(home: Home) -> None:
    selection = selections.read(home.run)[1]
    for candidate in selection.candidates:
        assert list(candidate.outputs) == list(LABELS)
        assert candidate.outputs["species"].metrics["accuracy"] == candidate.metrics["accuracy"] > 0.85
        assert candidate.outputs["weight"].metrics["r2"] > 0.7
        assert candidate.outputs["tags"].metrics["sample_f1"] > 0.7
        assert len(candidate.thresholds) == 2 + 1 + 2


def test_predicting_answers_under_each_label(home: Home, table: Path) -> None:
    rows = pa_csv.read_csv(table).to_pylist()
    answers = list(predict(str(home.output / "deployed"), str(table)))
    assert [list(each) for each in answers[:1]] == [list(LABELS)]
    pairs = list(zip(answers, rows, strict=True))
    assert np.mean([each["species"]["label"] == row["species"] for each, row in pairs]) > 0.85
    assert np.mean([abs(each["weight"]["value"] - row["weight"]) for each, row in pairs]) < 6
    assert np.mean([set(each["tags"]["labels"]) == set(filter(None, row["tags"].split("|")))
                    for each, row in pairs]) > 0.6  # fmt: skip


def test_a_request_is_answered_by_a_tensor_for_each_output(home: Home) -> None:
    schema = home.data().schema
    named = {each["name"]: each["shape"] for each in metadata(schema, "m", 1, "p")["outputs"]}
    assert named == {"species": [-1, 2], "weight": [-1, 1], "tags": [-1, 2]}
    outputs = {name: np.full((3, shape[1]), at, np.float32) for at, (name, shape) in enumerate(named.items())}
    assert answered(outputs, schema.output_names)[0].tolist() == [0, 0, 1, 2, 2]
    asked = {"inputs": [], "outputs": [{"name": "tags"}, {"name": "weight"}]}
    request, _ = parse(json.dumps(asked).encode(), None, 100, schema.output_names)
    told = json.loads(answer(request, "m", 1, outputs)[0])["outputs"]
    assert [(each["name"], each["shape"]) for each in told] == [("tags", [3, 2]), ("weight", [3, 1])]
    asked["parameters"] = {"binary_data_output": True}
    request, _ = parse(json.dumps(asked).encode(), None, 100, schema.output_names)
    body, _ = answer(request, "m", 1, outputs)
    assert np.frombuffer(body[-36:], "<f4").tolist() == [2.0] * 6 + [1.0] * 3
    with pytest.raises(Refusal, match="expected 'species' or 'weight' or 'tags', found 'age'"):
        parse(b'{"inputs": [], "outputs": [{"name": "age"}]}', None, 100, schema.output_names)


SPEC = ModelSpec(
    kind="tabular",
    task="classification",
    input_shape=(2,),
    input_dtype="float32",
    outputs=3,
    answers={"species": AnswerSpec("classification", 2), "weight": AnswerSpec("regression", 1)},
)


def test_outputs_of_a_model_are_put_in_the_order_of_the_labels() -> None:
    model = Model(builder="stages.named_models:turned")
    assert registry.build(model, SPEC, keras_tuner.HyperParameters()).output_names == ["species", "weight"]


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("unnamed_answers", "expected the outputs species, weight, it has first, second"),
        ("one_answer", "expected the outputs species, weight, it has 1"),
    ],
)
def test_a_model_with_other_outputs_is_refused_with_their_names(builder: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        registry.build(Model(builder=f"stages.named_models:{builder}"), SPEC, keras_tuner.HyperParameters())


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"data": {"labels": {"a": {}}}}, "of one label, name the column by label"),
        ({"data": {"labels": LABELS, "label": "y"}}, "leave label and task out"),
        ({"data": {"labels": {"a": {"column": "x"}, "x": {}}}}, "x is the column of two of them"),
        ({"data": {"labels": {"output": {}, "a": {}}}}, "output is what another tensor"),
        ({"data": {"labels": {"a": {}, "b": {"task": "anomaly"}}}}, "an anomaly's model repeats its input"),
        ({"data": {"labels": LABELS, "test": {"folds": 5}}}, "test.folds takes one label"),
        ({"budget": {"outputs": {"age": {}}}}, "no label of data.labels is called so"),
        ({"budget": {"limits": [{"metric": "mae", "max_increase": 0.1}]}}, "budget.outputs.<label>"),
        ({"model": {"archive": "m.keras", "classes": ["a", "b"]}}, "lists one label's"),
        (
            {"budget": {"outputs": {"tags": {"limits": [{"metric": "mae", "max_increase": 0.1}]}}}},
            "mae does not judge multilabel",
        ),
    ],
)
def test_what_makes_no_outputs_is_refused(table: Path, section: dict[str, Any], said: str) -> None:
    data = {"train": str(table), **section.get("data", {"labels": LABELS})}
    with pytest.raises(ValidationError, match=said):
        config(table, **{**section, "data": data})


def test_an_evaluation_of_one_label_is_as_it_was() -> None:
    fields = {"task": "classification", "runtime": "litert", "examples": 1, "metrics": {}, "size_bytes": 1}
    cost = {"parameters": 1, "macs": 1, "sparsity": 0.0}
    assert "outputs" not in Evaluation(**fields, gzip_bytes=1, cost=cost).model_dump_json()
