"""Operators that Keras' export writes by TensorFlow's names, in those that ONNX has."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

_COMPLEMENT = "Erfc"


def in_onnx(model: onnx.ModelProto) -> None:
    """Replaces ``Erfc`` in place: 1 - ``Erf``, as in the exact GELU of transformers.

    Args:
        model: What was exported; an operator that has no counterpart stays, for the runtime to refuse.
    """
    graph = model.graph
    if not any(node.op_type == _COMPLEMENT for node in graph.node):
        return
    kinds = {each.name: each.type.tensor_type.elem_type for each in (*graph.value_info, *graph.output)}
    nodes = []
    for node in graph.node:
        if node.op_type != _COMPLEMENT:
            nodes.append(node)
            continue
        (given,), (answer,) = node.input, node.output
        kind = helper.tensor_dtype_to_np_dtype(kinds.get(answer) or onnx.TensorProto.FLOAT)
        one, error = f"{answer}_one", f"{answer}_erf"
        graph.initializer.append(numpy_helper.from_array(np.ones((), kind), one))
        nodes += [helper.make_node("Erf", [given], [error]), helper.make_node("Sub", [one, error], [answer])]
    del graph.node[:]
    graph.node.extend(nodes)
