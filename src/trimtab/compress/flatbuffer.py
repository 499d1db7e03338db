"""What is inside a LiteRT file, and what comes out of it."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

_MOVES = {
    schema.BuiltinOperator.QUANTIZE,
    schema.BuiltinOperator.DEQUANTIZE,
    schema.BuiltinOperator.EXPAND_DIMS,
    schema.BuiltinOperator.RESHAPE,
    schema.BuiltinOperator.SQUEEZE,
    schema.BuiltinOperator.TRANSPOSE,
}


def outputs(flatbuffer: bytes, x: np.ndarray) -> np.ndarray:
    """Returns a model's outputs, ``(batch, outputs)``, one example at a time.

    Args:
        flatbuffer: The content of a ``.tflite`` file with a batch of 1.
        x: Model-ready examples, ``(batch, *input_shape)``.
    """
    interpreter = Interpreter(model_content=flatbuffer, num_threads=1)
    interpreter.allocate_tensors()
    source, target = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    rows = []
    for index in range(len(x)):
        interpreter.set_tensor(source, x[index : index + 1])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target))
    return np.concatenate(rows)


def int8_operators(flatbuffer: bytes) -> int:
    """Returns how many operators, those aside that only convert or move data, read 8-bit integers.

    Args:
        flatbuffer: The content of a ``.tflite`` file.
    """
    model = schema.Model.GetRootAs(flatbuffer, 0)
    count = 0
    for graph in (model.Subgraphs(index) for index in range(model.SubgraphsLength())):
        for operator in (graph.Operators(index) for index in range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            # Codes below 127 live in the old one-byte field, the rest in the new one.
            if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) in _MOVES:
                continue
            sources = (graph.Tensors(int(index)) for index in operator.InputsAsNumpy() if index >= 0)
            count += any(source.Type() == schema.TensorType.INT8 for source in sources)
    return count


def float16_constants(flatbuffer: bytes) -> int:
    """Returns how many tensors hold 16-bit floats.

    Args:
        flatbuffer: The content of a ``.tflite`` file.
    """
    model = schema.Model.GetRootAs(flatbuffer, 0)
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    tensors = (graph.Tensors(index) for graph in graphs for index in range(graph.TensorsLength()))
    return sum(tensor.Type() == schema.TensorType.FLOAT16 for tensor in tensors)
