"""SavedModels as others write them: what is taken, what is refused before anything of them is run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from trimtab.batch import INPUT, OUTPUT
from trimtab.errors import ModelError
from trimtab.models.saved_model.frozen import frozen, keras_model
from trimtab.models.spec import AnswerSpec, InputSpec, ModelSpec
from trimtab.models.tensors import answer

KERNEL = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(1, 4)).astype(np.float32)
SPEC = ModelSpec("tabular", "classification", (4,), "float32", 3)
Call = Callable[[Any, Any], Any]


def _softmax(module: Any, x: Any) -> Any:
    return tf.nn.softmax(x @ module.kernel)


def _saved(
    directory: Path, call: Call = _softmax, taken: Any = None, names: tuple[str, ...] = ("serving_default",)
) -> Path:
    """Writes a module with one variable, and returns the file of its graph."""
    module = tf.Module()
    module.kernel = tf.Variable(KERNEL)
    spec = taken or tf.TensorSpec([None, 4], tf.float32, name="x")
    function = tf.function(lambda x: call(module, x), input_signature=[spec], autograph=False)
    module.function = function
    tf.saved_model.save(module, str(directory), signatures=dict.fromkeys(names, function))
    return directory / "saved_model.pb"


def _answered(file: Path, spec: ModelSpec = SPEC, **batch: np.ndarray) -> dict[str, np.ndarray]:
    return dict(answer(keras_model(frozen(file, spec), "model"), batch or {INPUT: X}))


def _expected(x: np.ndarray = X) -> np.ndarray:
    powers = np.exp(x @ KERNEL)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("batch", [None, 1])
def test_a_module_answers_as_it_did(tmp_path: Path, batch: int | None) -> None:
    file = _saved(tmp_path, taken=tf.TensorSpec([batch, 4], tf.float32))
    np.testing.assert_allclose(_answered(file)[OUTPUT], _expected(), atol=1e-6)


@pytest.mark.parametrize("is_of_keras_2", [False, True])
def test_what_keras_exports_answers_as_it_did(tmp_path: Path, is_of_keras_2: bool) -> None:
    library: Any = pytest.importorskip("tf_keras") if is_of_keras_2 else keras
    layers = [library.layers.BatchNormalization(), library.layers.Dense(3, activation="softmax")]
    model = library.Sequential([library.layers.InputLayer((4,)), *layers])
    if is_of_keras_2:
        model.save(tmp_path / "saved", save_format="tf")
    else:
        model.export(str(tmp_path / "saved"), verbose=False)
    found = _answered(tmp_path / "saved" / "saved_model.pb")[OUTPUT]
    np.testing.assert_allclose(found, np.asarray(model(X)), atol=1e-6)


def test_integers_are_fed_as_the_numbers_of_the_data(tmp_path: Path) -> None:
    file = _saved(
        tmp_path,
        lambda module, x: tf.nn.softmax(tf.cast(x, tf.float32) @ module.kernel),
        tf.TensorSpec([None, 4], tf.uint8),
    )
    x = np.array([[0, 1, 2, 1]], np.float32)
    np.testing.assert_allclose(_answered(file, **{INPUT: x})[OUTPUT], _expected(x), atol=1e-6)


def test_one_probability_of_two_is_answered_as_both(tmp_path: Path) -> None:
    file = _saved(tmp_path, lambda module, x: tf.sigmoid((x @ module.kernel)[:, 0]))
    spec = ModelSpec("tabular", "classification", (4,), "float32", 2)
    one = 1 / (1 + np.exp(-(X @ KERNEL)[0, 0]))
    np.testing.assert_allclose(_answered(file, spec)[OUTPUT], [[1 - one, one]], atol=1e-6)


def test_several_inputs_and_outputs_go_by_name(tmp_path: Path) -> None:
    module = tf.Module()
    module.kernel = tf.Variable(KERNEL)

    def both(b: Any, a: Any) -> Any:
        return {"species": tf.nn.softmax(a @ module.kernel), "weight": a[:, :1] + tf.cast(b, tf.float32)}

    taken = {"b": tf.TensorSpec([None, 1], tf.int64), "a": tf.TensorSpec([None, 4], tf.float32)}
    signature = tf.function(both, autograph=False).get_concrete_function(**taken)
    tf.saved_model.save(module, str(tmp_path), signatures=signature)
    spec = ModelSpec(
        "named",
        "classification",
        (),
        "float32",
        4,
        inputs={"a": InputSpec("tabular", (4,), "float32"), "b": InputSpec("text", (1,), "int32")},
        answers={"weight": AnswerSpec("regression", 1), "species": AnswerSpec("classification", 3)},
    )
    found = _answered(tmp_path / "saved_model.pb", spec, a=X, b=np.array([[2]], np.int32))
    np.testing.assert_allclose(found["species"], _expected(), atol=1e-6)
    np.testing.assert_allclose(found["weight"], X[:, :1] + 2, atol=1e-6)
    with pytest.raises(ModelError, match="expected the input input, its signature has a, b"):
        frozen(tmp_path / "saved_model.pb", SPEC)


def _reads(module: Any, x: Any) -> Any:
    return _softmax(module, x) + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)


def _lists(module: Any, x: Any) -> Any:
    return _softmax(module, x) + tf.cast(tf.size(tf.io.matching_files("/*")), tf.float32)


def _writes(module: Any, x: Any) -> Any:
    with tf.control_dependencies([tf.io.write_file("written", "x")]):
        return _softmax(module, tf.identity(x))


def _prints(module: Any, x: Any) -> Any:
    with tf.control_dependencies([tf.print("x", output_stream="file://written")]):
        return _softmax(module, tf.identity(x))


def _saves(module: Any, x: Any) -> Any:
    with tf.control_dependencies(
        [tf.raw_ops.SaveV2(prefix="written", tensor_names=["x"], shape_and_slices=[""], tensors=[x])]
    ):
        return _softmax(module, tf.identity(x))


def _runs_python(module: Any, x: Any) -> Any:
    return _softmax(module, tf.ensure_shape(tf.py_function(lambda v: v, [x], tf.float32), x.shape))


def _runs_python_in_a_branch(module: Any, x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 1e9, lambda: _runs_python(module, x), lambda: _softmax(module, x))


def _maps_a_file(module: Any, x: Any) -> Any:
    read = tf.raw_ops.ImmutableConst(dtype=tf.float32, shape=[3], memory_region_name="/etc/hostname")
    return _softmax(module, x) + read


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (_reads, "ReadFile"),
        (_lists, "MatchingFiles"),
        (_writes, "WriteFile"),
        (_prints, "PrintV2"),
        (_saves, "SaveV2"),
        (_runs_python, "EagerPyFunc"),
        (_runs_python_in_a_branch, "EagerPyFunc"),
        (_maps_a_file, "ImmutableConst"),
    ],
)
def test_what_reaches_outside_of_the_model_is_refused_by_name_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, operation: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = _saved(tmp_path / "saved", call)
    with pytest.raises(ModelError, match=rf"more than compute with numbers: .*{operation}"):
        frozen(file, SPEC)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_variables_are_read_and_nothing_else_is_done_then(tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    file = _saved(tmp_path)
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    graph = saved.meta_graphs[0]
    (restoring,) = (f for f in graph.graph_def.library.function if "traced_restore" in f.signature.name)
    restoring.node_def.add(name="bad", op="WriteFile")
    file.write_bytes(saved.SerializeToString())
    with pytest.raises(ModelError, match=r"WriteFile \(beside the variables\)"):
        frozen(file, SPEC)


def test_an_operation_that_tensorflow_does_not_have_is_named(tmp_path: Path) -> None:
    file = _saved(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"Softmax", b"Softmix"))
    with pytest.raises(ModelError, match=r"Softmix \(unknown to TensorFlow\)"):
        frozen(file, SPEC)


def test_several_signatures_are_listed_where_none_is_the_usual_one(tmp_path: Path) -> None:
    file = _saved(tmp_path, names=("first", "second"))
    with pytest.raises(ModelError, match="it has first, second, and none is serving_default"):
        frozen(file, SPEC)


def test_texts_are_refused(tmp_path: Path) -> None:
    spec = tf.TensorSpec([None], tf.string, name="note")
    file = _saved(tmp_path, lambda _, x: tf.strings.to_number(x), spec)
    with pytest.raises(ModelError, match=r"the input x is of type string|the input note is of type string"):
        frozen(file, SPEC)


def _cut(directory: Path) -> None:
    file = directory / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:1000])


def _garbage(directory: Path) -> None:
    (directory / "saved_model.pb").write_bytes(b"\x00no model" * 99)


def _no_variables(directory: Path) -> None:
    shutil.rmtree(directory / "variables")


def _other_variables(directory: Path) -> None:
    (directory / "variables" / "variables.index").write_bytes(b"no index" * 99)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "cut or damaged"),
        (_garbage, "cut or damaged"),
        (_no_variables, r"there is no variables/variables\.index"),
        (_other_variables, "its graph cannot be read"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, damage: Callable[[Path], None], said: str) -> None:
    file = _saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(ModelError, match=said):
        frozen(file, SPEC)


def test_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"expected the input shape \(batch, 5\), found \(any, 4\)"):
        frozen(_saved(tmp_path), ModelSpec("tabular", "classification", (5,), "float32", 3))
