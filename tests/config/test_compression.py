"""From a model's file, or a config that names one, to a config by which nothing is trained from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trimtab.config.config import Config
from trimtab.config.loader import load, load_compression
from trimtab.errors import ConfigError
from trimtab.runtimes.litert import edge


def _loaded(source: Path, *overrides: str, labels: tuple[str, ...] = (), **given: Any) -> Config:
    return load_compression(source, {"test": None, "train": None, **given}, overrides, labels)


def test_without_training_rows_a_share_of_the_labelled_ones_is_set_aside(tmp_path: Path) -> None:
    config = _loaded(tmp_path / "Churn Model.keras", test="rows.csv", labels=("churned",))
    assert config.name == "churn-model"
    assert config.model.archive == str(tmp_path / "Churn Model.keras")
    assert config.model.output == "raw"
    assert (config.data.train, config.data.test) == (str(Path("rows.csv").absolute()), None)
    assert config.data.label == "churned"
    assert (config.data.split.test, config.data.split.validation) == (0.8, 0.5)
    assert (config.train.epochs, config.train.fine_tuning) == (0, False)
    assert list(config.branches()) == ["none"]


def test_with_training_rows_narrower_models_are_fine_tuned(tmp_path: Path) -> None:
    config = _loaded(tmp_path / "m.keras", "seed=7", test="rows.csv", train="train.csv")
    assert (Path(str(config.data.train)).name, Path(str(config.data.test)).name) == ("train.csv", "rows.csv")
    assert (config.train.epochs, config.train.fine_tuning, config.seed) == (0, True, 7)
    assert [name.partition("--")[0] for name in config.branches()] == [
        "none",
        "channels-0.25",
        "channels-0.5",
    ]
    assert all(getattr(s.params, "epochs", 0) <= 3 for b in config.branches().values() for s in b.steps)


def test_a_config_says_the_rest(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(
        "name: mine\nmodel: {archive: m.keras, output: standardized}\n"
        "data: {train: a.csv, label: y, split: {test: 0.3}}\ntune: {trials: 3}\ntrain: {epochs: 9}\n"
        "recipes: [{prune: none, quantize: [int8]}]\n"
    )
    config = _loaded(tmp_path / "my.yaml")
    assert config.model.archive == str(tmp_path / "m.keras")
    assert config.data.train == str(tmp_path / "a.csv")
    assert (config.name, config.tune, config.train.epochs) == ("mine", None, 0)
    assert (config.model.output, config.data.split.test) == ("standardized", 0.3)
    assert list(config.branches()) == ["none"]
    assert Path(str(_loaded(tmp_path / "my.yaml", test="b.csv").data.test)) == Path("b.csv").absolute()


def test_several_labels_are_called_as_the_outputs_are(tmp_path: Path) -> None:
    two = ("quality", "price")
    config = _loaded(tmp_path / "m.keras", "data.labels.price.column=EUR", test="rows.csv", labels=two)
    assert config.data.label is None
    assert {name: label.column for name, label in config.data.labels.items()} == {
        "quality": None,
        "price": "EUR",
    }
    (tmp_path / "my.yaml").write_text("model: {archive: m.keras}\ndata: {train: a.csv, label: y}\n")
    assert list(_loaded(tmp_path / "my.yaml", labels=two).data.labels) == list(two)
    (tmp_path / "my.yaml").write_text(
        "model: {archive: m.keras}\ndata: {train: a.csv, labels: {a: {}, b: {}}}\n"
    )
    assert _loaded(tmp_path / "my.yaml", labels=("a",)).data.label == "a"
    assert list(_loaded(tmp_path / "my.yaml").data.labels) == ["a", "b"]


@pytest.mark.parametrize(
    ("labels", "said"), [(("a", "b", "a"), "a is given twice"), (("a", "unit price"), "got 'unit price'")]
)
def test_labels_that_no_outputs_are_called_are_refused(
    tmp_path: Path, labels: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        _loaded(tmp_path / "m.keras", test="rows.csv", labels=labels)
    assert caught.value.path == "--label"


def test_a_bucket_keeps_its_slashes() -> None:
    config = _loaded(Path("gs://bucket/m.keras"), test="gs://bucket/rows.csv", labels=("y",))
    assert (config.model.archive, config.data.train) == ("gs://bucket/m.keras", "gs://bucket/rows.csv")


def test_a_config_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("data: {train: a.csv}\nmodel: {architecture: mlp}\n")
    with pytest.raises(ConfigError, match=r"model\.archive: expected the file of a trained model"):
        _loaded(tmp_path / "my.yaml")


def test_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)data\.test: expected labelled rows.*--data"):
        _loaded(tmp_path / "m.keras")


def test_what_is_wrong_is_told_as_in_any_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected \[low, high\] with low < high"):
        _loaded(tmp_path / "m.keras", "model.input=[3, 1]", test="rows.csv")


def test_only_a_model_that_is_brought_is_not_trained(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(
        "data: {train: a.csv}\nmodel: {architecture: mlp}\ntrain: {epochs: 0}\n"
    )
    with pytest.raises(
        ConfigError, match=r"my\.yaml:3: train\.epochs: 0 is for a model that is brought: model\.archive"
    ):
        load(tmp_path / "my.yaml")


def test_a_flatbuffer_is_taken_as_it_is_where_nothing_quantizes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "is_installed", lambda: False)
    (branch,) = _loaded(tmp_path / "m.tflite", test="rows.csv").branches().values()
    assert [ending.step.name for ending in branch.endings] == ["none"]


@pytest.mark.parametrize(
    ("file", "overrides", "runtimes", "endings"),
    [
        ("m.tflite", [], ["litert"], ["none", "float16", "dynamic_int8", "int8"]),
        ("m.onnx", [], ["onnxruntime"], ["none", "float16", "dynamic_int8", "int8"]),
        ("m.xml", [], ["openvino"], ["none", "float16", "int8"]),
        (
            "m.onnx",
            ["runtimes=auto"],
            ["onnxruntime", "openvino"],
            ["none", "float16", "dynamic_int8", "int8"],
        ),
        ("m.keras", ["runtimes=[openvino]"], ["openvino"], ["none", "float16", "int8"]),
        ("saved_model.pb", [], ["litert"], ["none", "float16", "dynamic_int8", "int8"]),
        ("saved_model.pb", ["runtimes=[openvino]"], ["openvino"], ["none", "float16", "int8"]),
    ],
)
def test_files_of_a_runtime_are_quantized_by_those_that_read_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    overrides: list[str],
    runtimes: list[str],
    endings: list[str],
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(edge, "is_installed", lambda: True)
    config = _loaded(tmp_path / file, *overrides, test="rows.csv")
    assert config.runtimes == runtimes
    (branch,) = config.branches().values()
    assert branch.steps == ()
    assert list(dict.fromkeys(ending.step.name for ending in branch.endings)) == endings
    assert {ending.runtime for ending in branch.endings} == set(runtimes)


@pytest.mark.parametrize(
    ("file", "override", "said"),
    [
        ("m.keras", "recipes=[[channels, int8]]", "channels trains, and there are no training rows.*--train"),
        ("m.keras", "recipes=[qat_int8]", "qat_int8 trains"),
        (
            "m.tflite",
            "recipes=[[{magnitude: 0.5}]]",
            "magnitude changes a Keras model, and a .tflite file is none",
        ),
        ("m.tflite", "recipes=[int8]", r"litert has no int8 for a .tflite file without trimtab\[tflite\]"),
        ("m.onnx", "runtimes=[litert]", "litert does not read a .onnx file; onnxruntime does"),
    ],
)
def test_what_the_model_or_the_rows_do_not_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, override: str, said: str
) -> None:
    monkeypatch.setattr(edge, "is_installed", lambda: False)
    with pytest.raises(ConfigError, match=f"(?s){said}"):
        _loaded(tmp_path / file, override, test="rows.csv")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("recipes=[[channels, int8]]", "channels changes a Keras model, and a SavedModel is none"),
        ("recipes=[qat_int8]", "litert has no qat_int8 for a SavedModel"),
    ],
)
def test_a_savedmodel_has_no_layers_to_change(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _loaded(tmp_path, override, test="rows.csv", train="rows.csv")


def test_the_directory_of_a_savedmodel_is_named_by_its_graph(tmp_path: Path) -> None:
    assert _loaded(tmp_path, test="rows.csv").model.archive == f"{tmp_path}/saved_model.pb"
    (tmp_path / "my.yaml").write_text("data: {test: a.csv}\nmodel: {archive: export/}\n")
    assert _loaded(tmp_path / "my.yaml").model.archive == f"{tmp_path}/export/saved_model.pb"
    for uri in ("gs://models/export/", "gs://models/export"):
        config = _loaded(tmp_path / "my.yaml", f"model.archive={uri}")
        assert config.model.archive == "gs://models/export/saved_model.pb"


def test_a_frozen_graph_is_no_savedmodel(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected the directory of a SavedModel, or its"):
        _loaded(tmp_path / "frozen.pb", test="rows.csv")


def test_a_file_of_a_runtime_is_not_trained(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("data: {train: a.csv}\nmodel: {archive: m.tflite}\n")
    with pytest.raises(
        ConfigError, match=r"yaml:2: model\.archive: a \.tflite file cannot be trained; `trimtab compress`"
    ):
        load(tmp_path / "my.yaml")
