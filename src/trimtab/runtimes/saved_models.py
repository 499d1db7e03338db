"""SavedModels as the files of a runtime: converted as Keras models are, from a graph of constants.

That graph is kept beside the files: every quantization, of every runtime, begins there, and not with a file
that another converter has been over. It needs TensorFlow, which made the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trimtab.batch import Batch
from trimtab.config.brought import SAVED_MODEL
from trimtab.errors import CompressionError, ModelError
from trimtab.models.spec import InputSpec, ModelSpec
from trimtab.quiet import quiet
from trimtab.runtimes.base import Runtime
from trimtab.runtimes.quantizations import Float32
from trimtab.runtimes.shapes import BYTES

if TYPE_CHECKING:
    import keras

GRAPH_FILE = "graph.pb"
"""A ``MetaGraphDef``, see ``models.saved_model.frozen``; beside the files of the runtime."""

_NAME = "saved_model"
_PROBES, _TOLERANCE = 4, 1e-4
_MOST_TOKENS = 2


def adopt(serving: Runtime, source: Path, directory: Path, spec: ModelSpec) -> None:
    """Writes a SavedModel as files of a runtime that answer as TensorFlow does.

    Args:
        serving: The runtime.
        source: ``saved_model.pb``, with ``variables`` beside it.
        directory: Where the files go, and the graph.
        spec: What the data looks like.

    Raises:
        ModelError: If it is no SavedModel, may not be run or does not take the data, if the runtime lacks
            one of its operations, or if it computes something else.
    """
    from trimtab.models.saved_model.frozen import frozen, keras_model
    from trimtab.models.tensors import answer

    content = frozen(source, spec)
    model = keras_model(content, _NAME)
    try:
        serving.convert(model, "none", Float32(), directory, lambda _: {})
    except CompressionError as error:
        raise ModelError(
            f"{serving.name} cannot take it: {error.message}", path=str(source), hint=error.hint
        ) from error
    loaded = serving.load(directory)
    for probe in _probes(spec):
        here, there = answer(model, probe), loaded.predict(probe)
        for name, values in here.items():
            if not np.allclose(values, there[name], rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True):
                apart = float(np.nanmax(np.abs(values - there[name])))
                message = f"TensorFlow and {serving.name} outputs differ by {apart:.2g}"
                raise ModelError(message, path=str(source), field=name)
    (directory / GRAPH_FILE).write_bytes(content)


def _probes(spec: ModelSpec) -> list[Batch]:
    """Returns examples that any model of the data takes, one a batch."""
    generator = np.random.default_rng(0)

    def values(each: InputSpec) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        most = min(each.vocabulary_size or _MOST_TOKENS, _MOST_TOKENS)
        whole = generator.integers(0, most, (1, *each.shape))
        return whole.astype(each.dtype)

    return [{name: values(each) for name, each in spec.inputs.items()} for _ in range(_PROBES)]


def graph_of(directory: Path) -> Path | None:
    """Returns the graph that a model's files were made from; None: they came as they are."""
    path = directory / GRAPH_FILE
    return path if path.is_file() else None


def keras_model(graph: Path) -> keras.Model:
    """Returns a graph as a Keras model of one closed layer, to be converted.

    Args:
        graph: As ``graph_of`` returns it.
    """
    from trimtab.models.saved_model import frozen

    with quiet():
        return frozen.keras_model(graph.read_bytes(), _NAME)


def input_limits(source: Path) -> tuple[float, float] | None:
    """Returns what the 8-bit input of a SavedModel stands for; None: it has none. Nothing of it is run.

    Args:
        source: ``saved_model.pb``.

    Raises:
        ModelError: If it is no SavedModel, or may not be run.
    """
    with quiet():
        from tensorflow.core.framework import types_pb2

        from trimtab.models.saved_model.operators import check
        from trimtab.models.saved_model.signature import read

    signed = read(source)
    check(signed, str(source.parent))
    kinds = [tensor.dtype for tensor in signed.signature.inputs.values()]
    return BYTES if kinds == [types_pb2.DT_UINT8] else None


def is_saved_model(source: Path) -> bool:
    """Returns whether a file is the graph of a SavedModel."""
    return source.name == SAVED_MODEL
