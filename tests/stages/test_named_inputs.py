"""A model of several named inputs, through a run's own stages: from a table to answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
import requests
from pydantic import ValidationError
from stages.deployed import deployed, prepared
from stages.home import Home

from trimtab.artifacts import selection as selections
from trimtab.config.config import Config
from trimtab.config.data import Data
from trimtab.config.model import Model
from trimtab.data.dataset.dataset import model_inputs
from trimtab.data.prepare.prepare import prepare
from trimtab.deploy.export import export
from trimtab.deploy.golden import GOLDEN_FILE, Golden
from trimtab.deploy.kserve.golden import GoldenRows
from trimtab.deploy.predict import predict
from trimtab.deploy.repository import Repository
from trimtab.deploy.serving.refusal import Refusal
from trimtab.deploy.serving.tensors import InferRequest, batch_of, metadata
from trimtab.errors import DataError, ModelError
from trimtab.models import registry
from trimtab.models.spec import InputSpec, ModelSpec

ROWS = 700
INPUTS = {"rest": {"columns": ["colour"]}, "size": {"columns": ["width", "height"]}}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    width, height = random.normal(50, 20, ROWS), random.normal(5, 1, ROWS)
    colour = random.choice(["red", "green", "blue"], ROWS)
    score = (width - 50) / 20 + (height - 5) + 1.5 * (colour == "red") - 0.5
    columns = {"width": width, "height": height, "note": ["unused"] * ROWS, "colour": colour}
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    pa_csv.write_csv(pa.table({**columns, "label": np.where(score > 0, "yes", "no")}), path)
    return path


@pytest.fixture(scope="module")
def home(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Returns a run that has deployed what it made of a model of two inputs."""
    home = Home(tmp_path_factory.mktemp("runs") / "runs")
    config = Config.model_validate(
        {
            "data": {"train": str(table), "inputs": INPUTS, "workers": 1},
            "model": {"architecture": "joined"},
            "train": {"epochs": 4, "learning_rate": 0.02},
            "recipes": [[{"channels": {"ratio": 0.25, "epochs": 1}}, "int8"]],
            "budget": {"max_accuracy_drop": 0.2, "objective": "size"},
            "deploy": {"target": str(home.output / "deployed")},
        }
    )
    prepared(home, config)
    deployed(home)
    return home


def test_it_is_trained_pruned_quantized_proven_and_deployed(home: Home) -> None:
    selection = selections.read(home.run)[1]
    accuracies = {each.id: each.metrics["accuracy"] for each in selection.candidates if each.metrics}
    assert len(accuracies) == 2
    assert min(accuracies.values()) > 0.8
    assert selection.proof.proven
    assert selection.chosen != "none--none"


def test_a_record_holds_the_tensors_of_all_inputs(home: Home) -> None:
    data = home.data()
    assert {name: spec.shape for name, spec in data.schema.inputs.items()} == {"rest": (4,), "size": (2,)}
    batch, _ = data.head("test", 5)
    assert list(batch) == ["rest", "size"]
    np.testing.assert_array_equal(batch["rest"].sum(axis=1), 1)
    sizes = np.concatenate([x["size"] for x, _ in data.batches("train", 64)])
    np.testing.assert_allclose(sizes.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(sizes.std(axis=0), 1, atol=1e-2)


def test_predicting_repeats_the_golden_answers_of_raw_rows(home: Home, table: Path) -> None:
    target = home.output / "deployed"
    answers = list(predict(str(target), str(table)))
    labels = pa_csv.read_csv(table).column("label").to_pylist()
    assert np.mean([answer["label"] == label for answer, label in zip(answers, labels, strict=True)]) > 0.85
    golden = Golden.load(target / "1" / GOLDEN_FILE)
    assert model_inputs(home.data().schema, golden.x).keys() == INPUTS.keys()


def test_an_inference_service_is_asked_by_a_tensor_for_each_input(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, Any] = {}

    def post(url: str, json: dict[str, Any], **_: Any) -> None:
        sent.update(json)
        raise requests.ConnectionError(url)

    monkeypatch.setattr(requests, "post", post)
    rows = GoldenRows(Repository(str(home.output / "deployed")), 1)
    assert rows.asked(["http://service"], "model").endswith("does not answer")
    assert {each["name"]: each["shape"][1:] for each in sent["inputs"]} == {"rest": [4], "size": [2]}


@pytest.mark.slow
def test_it_is_exported_with_an_input_of_each_name(home: Home, tmp_path: Path) -> None:
    _, exported = export(str(home.output / "deployed"), str(tmp_path / "exported"))
    assert exported.inputs == {"rest": "float32 (batch, 4)", "size": "float32 (batch, 2)"}


def test_a_request_has_a_tensor_for_each_input_in_any_order(home: Home) -> None:
    schema, x = home.data().schema, home.data().head("test", 3)[0]
    assert [each["name"] for each in metadata(schema, "m", 1, "p")["inputs"]] == ["rest", "size"]
    in_bytes = [
        {
            "name": name,
            "datatype": "FP32",
            "shape": list(x[name].shape),
            "parameters": {"binary_data_size": x[name].nbytes},
        }
        for name in ("size", "rest")
    ]
    rest = memoryview(x["size"].tobytes() + x["rest"].tobytes())
    request = InferRequest.model_validate({"inputs": in_bytes})
    listed = InferRequest.model_validate(
        {"inputs": [{**each, "parameters": None, "data": x[each["name"]].tolist()} for each in in_bytes]}
    )
    for batch in (batch_of(request, schema, rest, 10), batch_of(listed, schema, memoryview(b""), 10)):
        for name, values in x.items():
            np.testing.assert_array_equal(batch[name], values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sent: sent[:1], "expected 'rest', 'size', found 'rest'"),
        (lambda sent: [sent[0], sent[0]], "found 'rest', 'rest'"),
        (lambda sent: [sent[0], {**sent[1], "shape": [1, 2], "data": [0, 0]}], "as many rows in each"),
    ],
)
def test_a_request_with_other_tensors_is_refused(home: Home, change: Any, said: str) -> None:
    sent = [
        {"name": name, "datatype": "FP32", "shape": [2, *spec.shape], "data": [0] * 2 * spec.shape[0]}
        for name, spec in home.data().schema.inputs.items()
    ]
    with pytest.raises(Refusal, match=said):
        batch_of(
            InferRequest.model_validate({"inputs": change(sent)}), home.data().schema, memoryview(b""), 9
        )


SPEC = ModelSpec(
    kind="named",
    task="classification",
    input_shape=(24,),
    input_dtype="float32",
    outputs=2,
    inputs={"rest": InputSpec("tabular", (4,), "float32"), "size": InputSpec("tabular", (2,), "float32")},
)


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("misnamed", "expected the inputs rest, size, it has rest_in, size_in"),
        ("single", "expected the inputs rest, size, it has 1"),
    ],
)
def test_a_model_with_other_inputs_is_refused_with_their_names(builder: str, said: str) -> None:
    model = Model(builder=f"stages.named_models:{builder}")
    with pytest.raises(ModelError, match=said):
        registry.build(model, SPEC, keras_tuner.HyperParameters())


def test_inputs_of_a_model_are_put_in_the_order_of_the_data() -> None:
    model = registry.build(Model(builder="stages.named_models:joined"), SPEC, keras_tuner.HyperParameters())
    assert [tensor.name for tensor in model.inputs] == ["rest", "size"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"a": {"columns": ["x"], "column": "y"}}, "expected one of columns, column and files"),
        ({"a": {}}, "expected one of columns, column and files"),
        ({"a": {"columns": []}}, "inputs.a.columns"),
        ({"input": {"columns": ["x"]}}, "choose another name"),
        ({"a b": {"columns": ["x"]}}, "inputs.a b"),
        ({"a": {"columns": ["y"]}}, "inputs.a: y is the label"),
    ],
)
def test_what_makes_no_inputs_is_refused(inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Data.model_validate({"train": "rows.csv", "label": "y", "inputs": inputs})


def test_a_column_that_is_not_there_is_named_with_its_input(table: Path, tmp_path: Path) -> None:
    inputs = {"size": {"columns": ["width", "hight"]}, "rest": {"columns": ["colour"]}}
    with pytest.raises(DataError, match="the nearest is height") as error:
        prepare(Data.model_validate({"train": str(table), "inputs": inputs}), seed=0, directory=tmp_path)
    assert error.value.field == "data.inputs.size"
