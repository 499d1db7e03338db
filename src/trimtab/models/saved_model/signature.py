"""A SavedModel's file, parsed before TensorFlow loads anything of it, and the signature that is served."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from trimtab.errors import ModelError

_TAG, _USUAL = "serve", "serving_default"
_AGAIN = "Save it again by model.export(path), or tf.saved_model.save(module, path, signatures=…)."


@dataclass(frozen=True)
class Signed:
    """A graph, and what is served of it.

    Attributes:
        graph: A ``MetaGraphDef``.
        signature: A ``SignatureDef``: tensors of the graph by the names of inputs and outputs.
    """

    graph: Any
    signature: Any


def read(file: Path) -> Signed:
    """Returns what is served of a SavedModel.

    That is ``serving_default``, as everywhere, or the only signature. Nothing of it is run.

    Args:
        file: ``saved_model.pb``.

    Raises:
        ModelError: If it is cut or damaged, if nobody knows which signature is meant, or if that
            takes or gives what no tensor of numbers is.
    """
    graph = _graph(file)
    signature = _signature(graph, file)
    for what, tensors in (("input", signature.inputs), ("output", signature.outputs)):
        for name, tensor in tensors.items():
            _check_numbers(f"{what} {name}", tensor, file)
    return Signed(graph, signature)


def _graph(file: Path) -> Any:
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise ModelError("no readable SavedModel: cut or damaged", path=str(file), hint=_AGAIN) from error
    graphs = [graph for graph in saved.meta_graphs if _TAG in graph.meta_info_def.tags]
    if len(graphs) != 1:
        tags = [", ".join(graph.meta_info_def.tags) or "none" for graph in saved.meta_graphs]
        raise ModelError(
            f"expected one graph with the tag {_TAG!r}, found {'; '.join(tags) or 'no graph'}",
            path=str(file),
            hint=_AGAIN,
        )
    return graphs[0]


def _signature(graph: Any, file: Path) -> Any:
    known = {name: each for name, each in graph.signature_def.items() if each.inputs and each.outputs}
    name = _USUAL if _USUAL in known else next(iter(known), "")
    if not known or (name != _USUAL and len(known) > 1):
        found = f"{', '.join(sorted(known))}, and none is {_USUAL}" if known else "none"
        raise ModelError(f"expected one signature; it has {found}", path=str(file), hint=_AGAIN)
    return known[name]


def _check_numbers(what: str, tensor: Any, file: Path) -> None:
    if not tensor.name:
        raise ModelError(
            f"the {what} is sparse or ragged; expected a tensor", path=str(file), hint="Export a dense one."
        )
    if tensor.dtype in (types_pb2.DT_STRING, types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT):
        raise ModelError(
            f"the {what} is of type {types_pb2.DataType.Name(tensor.dtype)[3:].lower()}; expected numbers",
            path=str(file),
            hint="Export the part that takes numbers: texts and files are decoded by trimtab (data.inputs).",
        )
