"""Runs LiteRT flatbuffers, through the runtime that will serve them; without TensorFlow.

Examples go through the interpreter one at a time, just as they are served and as latency is measured: on
MLPerf Tiny's ResNet-8 larger batches gain nothing (500 against 520 µs an example at batch 8, int8: 86 against
83), and the microseconds they save on the smallest models are not worth results that come from another graph
than the one that ships (not every flatbuffer may be resized). The server alone resizes, where it has proof.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from trimtab.errors import ModelError


class LiteRTModel:
    """A loaded ``.tflite`` file with one input and one output tensor.

    Attributes:
        path: The file.
        input_shape: Shape of one example, without the batch axis.
        input_dtype: What the input tensor takes.
        outputs: Width of the output.
    """

    def __init__(self, path: str | Path, threads: int = 1, batch: int = 1) -> None:
        """Loads a model.

        Args:
            path: The ``.tflite`` file.
            threads: Threads that the runtime may use for one batch.
            batch: Examples that go through it at a time; any but 1 resizes the graph.

        Raises:
            ModelError: If the file is missing, cut or damaged, if the runtime lacks one of its operators, or
                if it has several inputs or outputs or other types than float32 (or int32 tokens), or if it
                cannot be resized.
        """
        self.path = Path(path)
        self._interpreter = _load(self.path, threads, batch)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(
                f"expected one input and one output tensor, found {len(inputs)} and {len(outputs)}",
                path=str(self.path),
            )
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        self._batch_shape = tuple(int(size) for size in inputs[0]["shape"])
        self.input_shape = self._batch_shape[1:]
        self.input_dtype = np.dtype(inputs[0]["dtype"])
        self.outputs = int(np.prod(outputs[0]["shape"])) // batch
        self._check_types(np.dtype(outputs[0]["dtype"]))

    def predict(self, x: NDArray[np.generic]) -> NDArray[np.float32]:
        """Returns the outputs of model-ready examples, ``(n, *input_shape)`` to ``(n, outputs)``.

        Raises:
            ModelError: If the shape or the type of ``x`` is not the model's, if ``n`` is no multiple of the
                batch, or if the runtime fails.
        """
        if x.shape[1:] != self.input_shape or x.dtype != self.input_dtype:
            raise ModelError(
                f"expected examples of shape {self.input_shape} and type {self.input_dtype}, "
                f"found {x.shape[1:]} and {x.dtype}",
                path=str(self.path),
            )
        rows = self._batch_shape[0]
        if len(x) % rows:
            raise ModelError(f"expected {rows} examples at a time, found {len(x)}", path=str(self.path))
        found = np.empty((len(x), self.outputs), np.float32)
        for at in range(0, len(x), rows):
            self.feed(x[at : at + rows])
            self.invoke()
            found[at : at + rows] = self._interpreter.get_tensor(self._output).reshape(rows, -1)
        return found

    def feed(self, example: NDArray[np.generic]) -> None:
        """Copies one model-ready example, ``input_shape``, or a whole batch to the input tensor."""
        self._interpreter.set_tensor(self._input, example.reshape(self._batch_shape))

    def invoke(self) -> None:
        """Runs the example that was fed last.

        Raises:
            ModelError: If an operator fails.
        """
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ModelError(f"the runtime failed: {error}", path=str(self.path)) from error

    def _check_types(self, output_dtype: np.dtype[np.generic]) -> None:
        if self.input_dtype not in (np.float32, np.int32) or output_dtype != np.float32:
            raise ModelError(
                f"expected float32 (or int32 tokens) in and float32 out, found {self.input_dtype} in and "
                f"{output_dtype} out",
                path=str(self.path),
            )


def _load(path: Path, threads: int, batch: int) -> Interpreter:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if not content:
        raise ModelError("the file is empty", path=str(path))
    try:
        interpreter = Interpreter(model_content=content, num_threads=threads)
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
