"""Models of others that OpenVINO reads, made to take what trimtab feeds, one example at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import ModelError
from trimtab.runtimes.openvino.convert import save
from trimtab.runtimes.openvino.silent import ov
from trimtab.runtimes.openvino.words import reason
from trimtab.runtimes.ranges import Judge, Rule
from trimtab.runtimes.shapes import BYTES, channels_first, require_one_each

_TAKEN = ("f32", "i32")
_LAYOUTS = {3: ("NHWC", "NCHW"), 2: ("NWC", "NCW")}
"""Of the data and of a model with the channels first, by the axes beside the batch."""


def adopt(source: Path, path: Path, shape: tuple[int, ...]) -> None:
    """Writes a model that takes one example of the data at a time; see ``onnxruntime.source.adopt``.

    Args:
        source: An ``.xml`` file with its ``.bin``, or an ``.onnx`` file.
        path: The ``.xml`` file to write.
        shape: Of one example of the data.

    Raises:
        ModelError: If it cannot be read, or does not take the data.
    """
    model = _read(source)
    require_one_each(len(model.inputs), len(model.outputs), source)
    ov.save_model(_taking(model, shape, source), path, compress_to_fp16=False)


def input_limits(source: Path) -> tuple[float, float] | None:
    """Returns the numbers that a file's 8-bit input stands for; see ``base.Runtime.input_limits``."""
    kinds = [port.get_element_type().get_type_name() for port in _read(source).inputs]
    return BYTES if kinds == ["u8"] else None


def _read(source: Path) -> Any:
    try:
        return ov.Core().read_model(source)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot read it: {reason(str(error))}", path=str(source)) from error


def _taking(model: Any, shape: tuple[int, ...], source: Path) -> Any:
    """Returns a graph whose only input is that of the data."""
    port = model.inputs[0]
    model_shape = tuple(
        int(size.get_length()) if size.is_static else None for size in list(port.partial_shape)[1:]
    )
    order, kind = channels_first(model_shape, shape, source), port.get_element_type().get_type_name()
    steps = ov.preprocess.PrePostProcessor(model)
    if order is not None:
        fed, inside = _LAYOUTS[len(shape)]
        steps.input().tensor().set_layout(ov.Layout(fed))
        steps.input().model().set_layout(ov.Layout(inside))
    if kind not in _TAKEN:
        steps.input().tensor().set_element_type(ov.Type.f32)
    steps.output().tensor().set_element_type(ov.Type.f32)
    graph = steps.build()
    try:
        graph.reshape([1, *shape])
    except RuntimeError as error:
        raise ModelError(
            f"it does not take one example at a time: {reason(str(error))}", path=str(source)
        ) from error
    return graph


def requantize(
    source: Path,
    quantizer: str,
    params: Section,
    path: Path,
    calibration: Callable[[int], Batch],
    judge: Judge | None,
) -> Rule | None:
    """Writes a model that was adopted, quantized; see ``base.Runtime.requantize``."""
    return save(ov.Core().read_model(source), quantizer, params, path, calibration, judge, source.name)
