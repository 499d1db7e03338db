"""What is inside OpenVINO's files, and what its CPU plugin makes of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trimtab.runtimes.base import Traits
from trimtab.runtimes.kernels import Kernel, counted
from trimtab.runtimes.openvino.model import compiled_model
from trimtab.runtimes.openvino.silent import ov

_NO_OPERATORS = {"Parameter", "Result", "Constant", "Input", "Output", "Const"}
_CONVERSIONS = {"Convert", "Multiply", "Subtract", "Reshape", "Transpose", "FakeQuantize"}
_MOVES = {"Reorder", "Reshape", "Transpose", "Convert", "Concat", "Split", "MemoryInput", "MemoryOutput"}
_WITH_KERNEL = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"}
_ARITHMETIC = {
    "i8": "int8",
    "I8": "int8",
    "bf16": "bfloat16",
    "f16": "float16",
    "f32": "float32",
}


def traits(path: Path) -> Traits:
    """Returns what is inside a model's files.

    Raises:
        ModelError: If they cannot be loaded.
    """
    compiled = compiled_model(path, threads=1)
    executed = [_executed(operator) for operator in compiled.get_runtime_model().get_ordered_ops()]
    operators = ov.Core().read_model(path).get_ordered_ops()
    return counted(
        [kernel for operator in operators for kernel in _kernel(operator)],
        Counter(kind for kind, _ in executed if kind not in _NO_OPERATORS),
        Counter(name for op in operators if (name := op.get_type_name()) not in _NO_OPERATORS),
        Counter(kind for name, kind in executed if name not in _NO_OPERATORS | _MOVES and kind),
    )


def _executed(operator: Any) -> tuple[str, str]:
    """Returns the kind of an operator that runs, and what it computes in: its primitive's name ends so."""
    info = operator.get_rt_info()
    primitive = info["primitiveType"].astype(str)
    return info["layerType"].astype(str), _ARITHMETIC.get(primitive.rpartition("_")[2], "")


def _kernel(operator: Any) -> Iterator[Kernel]:
    if operator.get_type_name() not in _WITH_KERNEL:
        return
    constant = operator.input_value(1).get_node()
    while constant.get_type_name() in _CONVERSIONS:
        constant = constant.input_value(0).get_node()
    if constant.get_type_name() == "Constant":
        yield Kernel(constant.get_data(), macs=_macs(operator))


def _macs(operator: Any) -> int:
    """Returns multiply-accumulates: for each output, as many as the kernel has values for it."""
    kind, kernel = operator.get_type_name(), [int(size) for size in operator.input(1).get_shape()]
    if kind == "ConvolutionBackpropData":  # for each input
        return math.prod(map(int, operator.input(0).get_shape())) * math.prod(kernel[1:])
    outputs = math.prod(map(int, operator.output(0).get_shape()))
    if kind == "MatMul":
        return outputs * (kernel[-1] if operator.get_attributes()["transpose_b"] else kernel[-2])
    return outputs * math.prod(kernel[1 if kind == "Convolution" else 2 :])
