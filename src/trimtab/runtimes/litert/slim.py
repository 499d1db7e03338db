"""A ``.tflite`` file without what nothing needs to run it: long names, ranges that were spent, notes.

The converter names a tensor after every operation that went into it. Of these, the layers stay, by which the
report tells them; constants have a number. All stay unlike each other, as tools that quantize files ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from trimtab.runtimes.litert.signature import packed

_NOTES = (b"min_runtime_version", b"CONVERSION_METADATA")


def slim(content: bytes) -> bytes:
    """Returns a file with the same graphs, weights and signatures.

    Args:
        content: Of a ``.tflite`` file of TensorFlow's converter.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for graph in model.subgraphs:
        _shorten(model, graph)
    model.description = None
    _drop_notes(model)
    return packed(model, len(content))


def _shorten(model: Any, graph: Any) -> None:
    taken: set[str] = set()
    for place, tensor in enumerate(graph.tensors):
        name = "" if _is_constant(model, tensor) else short_name((tensor.name or b"").decode())
        tensor.name = name if name and name not in taken else f"{name}/{place}"
        taken.add(tensor.name)
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None


def short_name(name: str) -> str:
    """Returns the layers that a tensor is named after, of ``model/layer/operation;model/layer/operation``."""
    return ";".join(dict.fromkeys(_layer(operation.split("/")) for operation in name.split(";")))


def _layer(path: Sequence[str]) -> str:
    return path[1] if len(path) > 2 else path[0]


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _drop_notes(model: Any) -> None:
    """Leaves out the converter's own notes: which version it was, and what it was asked for."""
    notes = model.metadata or []
    for note in notes:
        if note.name in _NOTES:
            model.buffers[note.buffer].data = None
    model.metadata = [note for note in notes if note.name not in _NOTES] or None
