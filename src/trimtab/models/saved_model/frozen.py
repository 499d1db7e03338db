"""A SavedModel as one graph of constants, which takes what trimtab feeds; and that graph as a Keras model.

TensorFlow's own loading is not used: it runs what the file says is to be run then. Two parts of the graph are
run, and no other: what reads the variables, and what answers; ``operators.check`` has looked at both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from trimtab.errors import ModelError
from trimtab.models.saved_model import operators
from trimtab.models.saved_model.signature import Signed, read
from trimtab.models.saved_model.unpublished import inlined
from trimtab.models.spec import AnswerSpec, ModelSpec
from trimtab.tasks.registry import task

_VARIABLES = "variables/variables"
_KEY = "serving_default"
_LONGEST_REASON = 300
_FAILURES = (tf.errors.OpError, KeyError, TypeError, ValueError)
"""What TensorFlow raises for a graph that is no good, or whose variables are not there."""


def frozen(file: Path, spec: ModelSpec) -> bytes:
    """Returns a model's graph for one example of the data at a time.

    Args:
        file: ``saved_model.pb``, with ``variables`` beside it.
        spec: What the data looks like.

    Returns:
        A ``MetaGraphDef`` with one signature, of the data's inputs and labels by name: tensors of float32 or
        int32, as in ``spec``, of batches of one.

    Raises:
        ModelError: If it is no SavedModel, may not be run, or does not take the data.
    """
    signed = read(file)
    operators.check(signed, str(file.parent))
    taken = _paired(signed.signature.inputs, list(spec.inputs), "input", file)
    for name, tensor in taken.items():
        _check_shape(tensor.tensor_shape, spec.inputs[name].shape, file)
    given = _paired(signed.signature.outputs, list(spec.answers), "output", file)
    try:
        constants = _of_constants(signed, file, [tensor.name for tensor in given.values()])
        return bytes(_fed(constants, taken, given, spec))
    except _FAILURES as error:
        reason = " ".join(str(getattr(error, "message", error)).split())[:_LONGEST_REASON]
        raise ModelError(
            f"its graph cannot be read: {reason}", path=str(file.parent), hint="Is it a whole SavedModel?"
        ) from error


def _paired(tensors: Any, names: list[str], what: str, file: Path) -> dict[str, Any]:
    """Returns a signature's tensors by the data's names; the only one goes by any name."""
    if len(tensors) == len(names) == 1:
        return {names[0]: next(iter(tensors.values()))}
    if set(tensors) != set(names):
        raise ModelError(
            f"expected the {what}{'s' if len(names) > 1 else ''} {', '.join(names)}, "
            f"its signature has {', '.join(sorted(tensors))}",
            path=str(file.parent),
            field="data.inputs" if what == "input" else "data.labels",
            hint=f"Several {what}s go by the names of the signature.",
        )
    return {name: tensors[name] for name in names}


def _check_shape(found: Any, shape: tuple[int, ...], file: Path) -> None:
    """Refuses an input of another shape than one example of the data."""
    sizes = [size.size for size in found.dim]
    fits = len(sizes) == len(shape) + 1 and all(
        mine in (-1, wanted) for mine, wanted in zip(sizes, (1, *shape), strict=True)
    )
    if fits or found.unknown_rank:
        return
    raise ModelError(
        f"expected the input shape (batch, {', '.join(map(str, shape))}), "
        f"found ({', '.join('any' if size == -1 else str(size) for size in sizes)})",
        path=str(file.parent),
        hint=f"One example of the data has the shape {shape}; data.image sets the size of images. A batch is "
        "open, or of one example.",
    )


def _of_constants(signed: Signed, file: Path, outputs: list[str]) -> Any:
    """Returns a ``GraphDef`` of what answers, with the variables' values in it."""
    graph, saver = tf.Graph(), signed.graph.saver_def
    prefix = file.parent / _VARIABLES
    with graph.as_default():
        tf.graph_util.import_graph_def(signed.graph.graph_def, name="")
        with tf.compat.v1.Session() as session:
            if saver.restore_op_name:
                if not Path(f"{prefix}.index").is_file():
                    raise ModelError(f"there is no {_VARIABLES}.index", path=str(file.parent))
                restore = graph.get_operation_by_name(saver.restore_op_name.partition(":")[0])
                session.run(restore, {saver.filename_tensor_name: str(prefix)})
            names = [name.partition(":")[0] for name in outputs]
            made = tf.compat.v1.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), names
            )
    # Functions of other signatures, which nobody has checked, are left behind.
    used = operators.called(made, names)
    kept = [function for function in made.library.function if function.signature.name in used]
    for function in kept:  # it has one for each variable, too, which is none of the arguments any more
        function.attr.pop("_input_shapes", None)
    del made.library.function[:]
    made.library.function.extend(kept)
    del made.library.gradient[:]
    return made


def _fed(constants: Any, taken: dict[str, Any], given: dict[str, Any], spec: ModelSpec) -> bytes:
    """Returns a graph that takes the data's numbers and answers in floats, ``(1, values)``."""

    def answer(*inputs: Any) -> list[Any]:
        fed = {
            tensor.name: tf.cast(each, tf.dtypes.as_dtype(tensor.dtype))
            for tensor, each in zip(taken.values(), inputs, strict=True)
        }
        asked = [tensor.name for tensor in given.values()]
        found = tf.graph_util.import_graph_def(constants, fed, asked, name="model")
        return [_answer(value, spec.answers[name]) for name, value in zip(given, found, strict=True)]

    shapes = [tf.TensorSpec((1, *spec.inputs[name].shape), spec.inputs[name].dtype) for name in taken]
    # Functions go where they are called: converters lose those that call others.
    flat = inlined(tf.compat.v1.wrap_function(answer, shapes))
    made = meta_graph_pb2.MetaGraphDef()
    made.graph_def.CopyFrom(flat.graph.as_graph_def())
    signature = made.signature_def[_KEY]
    with flat.graph.as_default():  # what describes a tensor wants a graph
        for names, tensors, infos in (
            (taken, flat.inputs, signature.inputs),
            (given, flat.outputs, signature.outputs),
        ):
            for name, tensor in zip(names, tensors, strict=True):
                infos[name].CopyFrom(tf.compat.v1.saved_model.build_tensor_info(tensor))
    return bytes(made.SerializeToString())


def _answer(value: Any, wanted: AnswerSpec) -> Any:
    """Returns what a model answers as the task has it: flat, and one probability of two as both."""
    flat = tf.cast(value, tf.float32)
    if value.shape.rank != 2:
        flat = tf.reshape(flat, (1, -1))
    is_one_of_two = (flat.shape[-1], wanted.outputs) == (1, 2) and task(wanted.task).learning.one_tells_two
    return tf.concat([1 - flat, flat], axis=1) if is_one_of_two else flat


class _Graph(keras.layers.Layer):  # type: ignore[misc]  # untyped
    """A frozen graph as a layer that has no weights: what is inside is for runtimes to convert."""

    def __init__(self, content: bytes) -> None:
        super().__init__(name="graph")
        made = meta_graph_pb2.MetaGraphDef.FromString(content)
        self.signature = made.signature_def[_KEY]
        self._taken = [tensor.name for tensor in self.signature.inputs.values()]
        self._function = tf.compat.v1.wrap_function(
            lambda *fed: tf.graph_util.import_graph_def(
                made.graph_def,
                dict(zip(self._taken, fed, strict=True)),
                [tensor.name for tensor in self.signature.outputs.values()],
                name="",
            ),
            [
                tf.TensorSpec([size.size for size in tensor.tensor_shape.dim], tensor.dtype)
                for tensor in self.signature.inputs.values()
            ],
        )

    def call(self, inputs: Any) -> Any:
        """Returns the outputs, in the order of the signature."""
        return list(self._function(*keras.tree.flatten(inputs)))


def keras_model(content: bytes, name: str) -> keras.Model:
    """Returns a frozen graph as a model of one closed layer, for batches of one.

    It is there to be converted, and cannot be saved.

    Args:
        content: As ``frozen`` returns it.
        name: The model's, for messages.
    """
    layer = _Graph(content)
    inputs = [
        keras.Input(
            batch_shape=[size.size for size in tensor.tensor_shape.dim],
            dtype=tf.dtypes.as_dtype(tensor.dtype).name,
            name=key,
        )
        for key, tensor in layer.signature.inputs.items()
    ]
    found = layer(inputs)
    outputs = [
        keras.layers.Identity(name=key)(tensor)
        for key, tensor in zip(layer.signature.outputs, found, strict=True)
    ]
    return keras.Model(_one(inputs), _one(outputs), name=name)


def _one(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
