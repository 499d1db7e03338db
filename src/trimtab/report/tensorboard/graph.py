"""The graph of a Keras model: a node a layer, with what each is set to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

from trimtab.events.file import EventFile
from trimtab.report.tensorboard.archive import layers_of

_LEFT_OUT = ("name", "trainable", "dtype", "batch_shape")


def write_graph(directory: Path, model: Path) -> None:
    """Writes the graph of a ``.keras`` file.

    Args:
        directory: The model's.
        model: The file.

    Raises:
        ModelError: If it is missing, damaged or unsafe.
    """
    content = graph_of(layers_of(model)).SerializeToString()
    events = EventFile(directory)
    events.add(Event(wall_time=time.time(), graph_def=content))
    events.close()


def graph_of(layers: list[dict[str, Any]]) -> GraphDef:
    """Returns a node for every layer, as a functional model's config has them."""
    graph = GraphDef()
    for layer in layers:
        node = NodeDef(name=_name(layer), op=str(layer["class_name"]))
        shapes = []
        for name, shape in _inputs(layer.get("inbound_nodes", [])):
            node.input.append(name)
            shapes.append(shape)
        for setting, value in layer["config"].items():
            if setting not in _LEFT_OUT and isinstance(value, str | int | float | list):
                node.attr[setting].CopyFrom(AttrValue(s=json.dumps(value).encode()))
        graph.node.append(node)
        _label_edges(graph, node, shapes)
    return graph


def _label_edges(graph: GraphDef, node: NodeDef, shapes: list[list[int | None]]) -> None:
    """Puts the shapes on the nodes that they come from, where TensorBoard looks for them."""
    by_name = {layer.name: layer for layer in graph.node}
    for name, shape in zip(node.input, shapes, strict=True):
        source = by_name.get(name)
        if source is not None and "_output_shapes" not in source.attr:
            dims = [TensorShapeProto.Dim(size=-1 if side is None else side) for side in shape]
            source.attr["_output_shapes"].list.shape.append(TensorShapeProto(dim=dims))


def _name(layer: dict[str, Any]) -> str:
    return str(layer["config"]["name"])


def _inputs(node: Any) -> Iterator[tuple[str, list[int | None]]]:
    """Yields the layers, with the shapes, that the calls of a layer take, however deep they are nested."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            yield str(node["config"]["keras_history"][0]), list(node["config"]["shape"])
            return
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _inputs(item)
