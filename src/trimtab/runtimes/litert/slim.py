"""A ``.tflite`` file without what nothing needs to run it: long names, ranges that were spent, notes.

The converter names a tensor after every operation that went into it. Of these, one of each layer stays, by
which the report tells layers; constants have a number. All stay unlike each other, as tools that quantize
files ask.
"""

from __future__ import annotations

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
        tensor.name = name if name and name not in taken else f"{name}#{place}"
        taken.add(tensor.name)
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None


def short_name(name: str) -> str:
    """Returns the first operation of each layer that a tensor is named after."""
    first: dict[str, str] = {}
    for operation in name.split(";"):
        first.setdefault(operation.rpartition("/")[0], operation)
    return ";".join(first.values())


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
