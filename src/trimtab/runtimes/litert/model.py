"""Runs LiteRT flatbuffers, through the runtime that will serve them; without TensorFlow.

Examples go through the interpreter one at a time, just as they are served and as latency is measured: on
MLPerf Tiny's ResNet-8 larger batches gain nothing (500 against 520 µs an example at batch 8, int8: 86 against
83), and the microseconds they save on the smallest models are not worth results that come from another graph
than the one that ships (not every flatbuffer may be resized). The server alone resizes, where it has proof.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from trimtab.batch import INPUT, OUTPUT, Batch, rows, take
from trimtab.errors import ModelError
from trimtab.runtimes import files
from trimtab.runtimes.base import Quantization, TensorInfo
from trimtab.runtimes.checks import check_batch, check_types

_INTEGERS = (np.dtype(np.int8), np.dtype(np.uint8))
_ROUNDED = (*_INTEGERS, np.dtype(np.int16))
"""What stands for floats; of 16 bits, inside a model alone."""


class LiteRTModel:
    """See ``base.LoadedModel``.

    Attributes:
        path: The file.
        inputs: What it takes.
        outputs: What it gives.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        batch: int = 1,
        *,
        reference: bool = False,
        interpreter: Interpreter | None = None,
    ) -> None:
        """Loads a model.

        Args:
            path: The ``.tflite`` file.
            threads: Threads that the runtime may use for one batch.
            batch: Examples that go through it at a time; any but 1 resizes the graph.
            reference: Whether LiteRT's own kernels compute, and not XNNPACK's.
            interpreter: One that has the model already.

        Raises:
            ModelError: If the file is missing, cut or damaged, if the runtime lacks one of its operators, if
                it has other types than float32 (or int32 tokens, or 8-bit integers that stand for floats), or
                if it cannot be resized.
        """
        self.path, self._batch = path, batch
        self._interpreter = interpreter or _load(path, threads, batch, reference=reference)
        sources, targets = _tensors(self._interpreter)
        self.inputs = tuple(_info(name, details) for name, details in sources.items())
        self.outputs = tuple(_info(name, details) for name, details in targets.items())
        check_types(self.inputs, self.outputs, path)
        self._sources = [(name, _Tensor.of(details, batch)) for name, details in sources.items()]
        self._targets = [(name, _Tensor.of(details, batch)) for name, details in targets.items()]

    def predict(self, batch: Batch) -> Batch:
        """See ``base.LoadedModel.predict``."""
        check_batch(batch, self.inputs, self._batch, self.path)
        count = rows(batch)
        if count == self._batch:  # the server's usual case: nothing is cut or joined
            return self._answer(batch)
        outputs = {name: np.empty((count, *each.shape[1:]), np.float32) for name, each in self._targets}
        for at in range(0, count, self._batch):
            for name, values in self._answer(take(batch, at, at + self._batch)).items():
                outputs[name][at : at + self._batch] = values
        return outputs

    def _answer(self, batch: Batch) -> Batch:
        self.feed(batch)
        self.invoke()
        return {
            name: each.numbers(self._interpreter.get_tensor(each.index).reshape(each.shape))
            for name, each in self._targets
        }

    def feed(self, batch: Batch) -> None:
        """See ``base.LoadedModel.feed``."""
        for name, each in self._sources:
            self._interpreter.set_tensor(each.index, each.stored(batch[name].reshape(each.shape)))

    def tensor(self, index: int) -> NDArray[np.float32] | None:
        """Returns the numbers in any tensor after a run; None where it holds none, or was not kept."""
        details = self._every_tensor[index]
        if details["dtype"] not in (np.float32, *(kind.type for kind in _ROUNDED)):
            return None
        try:
            values = self._interpreter.get_tensor(index)
        except ValueError:
            return None
        scales, points = _quantization(details)
        scale, point = (float(scales[0]), int(points[0])) if len(scales) else (1.0, 0)
        tensor = _Tensor(index, values.shape, np.dtype(details["dtype"]), scale, point)
        return np.asarray(tensor.numbers(values), np.float32)

    @functools.cached_property
    def _every_tensor(self) -> dict[int, dict[str, Any]]:
        return {details["index"]: details for details in self._interpreter.get_tensor_details()}

    def invoke(self) -> None:
        """See ``base.LoadedModel.invoke``.

        Raises:
            ModelError: If an operator fails.
        """
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ModelError(f"the runtime failed: {error}", path=str(self.path)) from error


@dataclass(frozen=True)
class _Tensor:
    """An input or output as the interpreter has it.

    A file of others may have 8-bit integers there, which stand for floats: all others see those floats.
    """

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @classmethod
    def of(cls, details: dict[str, Any], batch: int) -> _Tensor:
        scales, points = _quantization(details)
        shape = (batch, *map(int, details["shape"][1:]))
        scale, point = (float(scales[0]), int(points[0])) if len(scales) else (1.0, 0)
        return cls(details["index"], shape, np.dtype(details["dtype"]), scale, point)

    def stored(self, values: NDArray[Any]) -> NDArray[Any]:
        """Returns numbers as the tensor holds them."""
        if self.dtype not in _INTEGERS:
            return values
        limits = np.iinfo(self.dtype)
        integers = np.rint(values / self.scale) + self.zero_point
        return np.asarray(np.clip(integers, limits.min, limits.max), self.dtype)

    def numbers(self, values: NDArray[Any]) -> NDArray[Any]:
        """Returns what the tensor's values stand for."""
        if self.dtype not in _ROUNDED:
            return values
        return np.asarray((values.astype(np.float32) - self.zero_point) * self.scale, np.float32)


def _load(path: Path, threads: int, batch: int, *, reference: bool = False) -> Interpreter:
    content, kernels = (
        files.read(path),
        OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if reference else OpResolverType.AUTO,
    )
    try:
        interpreter = Interpreter(
            model_content=content, num_threads=threads, experimental_op_resolver_type=kernels
        )
        if batch != 1:
            for tensor in interpreter.get_input_details():
                interpreter.resize_tensor_input(tensor["index"], [batch, *tensor["shape"][1:]])
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"LiteRT cannot load it: {error}",
            path=str(path),
            hint="The file is cut or damaged, or it uses an operator that the runtime does not have.",
        ) from error
    return interpreter


def _tensors(interpreter: Interpreter) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the inputs and the outputs by name: the signature's, or the tensors' where there is none."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    runner = interpreter.get_signature_runner() if len(interpreter.get_signature_list()) == 1 else None
    return (
        _named(inputs, INPUT, runner.get_input_details() if runner else {}),
        _named(outputs, OUTPUT, runner.get_output_details() if runner else {}),
    )


def _named(tensors: list[dict[str, Any]], only: str, signature: dict[str, Any]) -> dict[str, Any]:
    if len(tensors) == 1:
        return {only: tensors[0]}
    names = {details["index"]: name for name, details in signature.items()}
    return {names.get(details["index"], details["name"]): details for details in tensors}


def _info(name: str, details: dict[str, Any]) -> TensorInfo:
    scales, points = _quantization(details)
    dtype = np.dtype(details["dtype"])
    return TensorInfo(
        name,
        np.dtype(np.float32) if dtype in _INTEGERS else dtype,
        tuple(int(size) for size in details["shape"][1:]),
        Quantization(tuple(map(float, scales)), tuple(map(int, points))) if len(scales) else None,
    )


def _quantization(details: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    parameters = details["quantization_parameters"]
    return parameters["scales"], parameters["zero_points"]


def input_limits(path: Path) -> tuple[float, float] | None:
    """Returns the numbers that a file's 8-bit input stands for; see ``base.Runtime.input_limits``."""
    details = _load(path, threads=1, batch=1).get_input_details()[0]
    if np.dtype(details["dtype"]) not in _INTEGERS:
        return None
    tensor, ends = _Tensor.of(details, batch=1), np.iinfo(details["dtype"])
    low, high = (float(tensor.numbers(np.array(end))) for end in (ends.min, ends.max))
    return low, high
