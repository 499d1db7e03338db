"""Runs ONNX files, as they will be served.

The graph has a batch of 1, and no other can be asked for: ONNX Runtime does not reshape. Its threads stop
spinning when an answer is there, so that they take nothing from who is next.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from trimtab.batch import INPUT, OUTPUT, Batch, rows, take
from trimtab.errors import ModelError
from trimtab.runtimes import files
from trimtab.runtimes.base import TensorInfo
from trimtab.runtimes.checks import check_batch, check_types
from trimtab.runtimes.onnxruntime.words import reason

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}


class OnnxModel:
    """See ``base.LoadedModel``.

    Attributes:
        path: The file.
        inputs: What it takes.
        outputs: What it gives.
    """

    def __init__(self, path: Path, threads: int = 1, batch: int = 1, *, reference: bool = False) -> None:
        """Loads a model.

        Args:
            path: The ``.onnx`` file.
            threads: Threads that the runtime may use for one batch.
            batch: Examples that go through it at a time; the file's own number, or any where that is open.
            reference: Whether the graph runs as it is in the file, with nothing fused.

        Raises:
            ModelError: If the file is missing, cut or damaged, if the runtime lacks one of its operators, if
                it has other types than float32 (or int32 tokens), or if it has another batch.
        """
        self.path, self._batch = path, batch
        self._session = session(path, threads, reference=reference)
        sources, targets = self._session.get_inputs(), self._session.get_outputs()
        self.inputs, self.outputs = _infos(sources, INPUT), _infos(targets, OUTPUT)
        check_types(self.inputs, self.outputs, path)
        self._check_batch(sources)
        self._binding = self._session.io_binding()
        self._sources = self._bound(self._binding.bind_ortvalue_input, sources, self.inputs)
        self._targets = self._bound(self._binding.bind_ortvalue_output, targets, self.outputs)

    def _check_batch(self, sources: list[Any]) -> None:
        sizes = {source.shape[0] for source in sources if isinstance(source.shape[0], int)}
        if sizes - {self._batch}:
            raise ModelError(f"expected a batch of {self._batch}, found {sizes}", path=str(self.path))
        if any(None in tensor.shape for tensor in (*self.inputs, *self.outputs)):
            raise ModelError("expected fixed shapes but for the batch", path=str(self.path))

    def _bound(
        self, bind: Any, arguments: list[Any], tensors: tuple[TensorInfo, ...]
    ) -> list[tuple[str, Any]]:
        """Returns tensors of the session's own by name: feeding and reading is a copy, and nothing else."""
        bound = []
        for argument, tensor in zip(arguments, tensors, strict=True):
            shape = [self._batch, *(size or 0 for size in tensor.shape)]
            value = ort.OrtValue.ortvalue_from_shape_and_type(shape, tensor.dtype.type)
            bind(argument.name, value)
            bound.append((tensor.name, value))
        return bound

    def predict(self, batch: Batch) -> Batch:
        """See ``base.LoadedModel.predict``."""
        check_batch(batch, self.inputs, self._batch, self.path)
        count = rows(batch)
        outputs = {name: np.empty((count, *value.shape()[1:]), np.float32) for name, value in self._targets}
        for at in range(0, count, self._batch):
            self.feed(take(batch, at, at + self._batch))
            self.invoke()
            for name, value in self._targets:
                outputs[name][at : at + self._batch] = value.numpy()
        return outputs

    def feed(self, batch: Batch) -> None:
        """See ``base.LoadedModel.feed``."""
        for name, value in self._sources:
            value.update_inplace(np.ascontiguousarray(batch[name]))

    def invoke(self) -> None:
        """See ``base.LoadedModel.invoke``.

        Raises:
            ModelError: If an operator fails.
        """
        try:
            self._session.run_with_iobinding(self._binding)
        # ONNX Runtime's errors have no class in common but this.
        except Exception as error:
            raise ModelError(f"the runtime failed: {reason(str(error))}", path=str(self.path)) from error


def load(path: Path, threads: int, batch: int) -> OnnxModel:
    """Returns a model that runs; see ``base.Runtime.load``."""
    return OnnxModel(path, threads, batch)


def reference(path: Path) -> OnnxModel:
    """Returns a model on other kernels; see ``base.Runtime.reference``."""
    return OnnxModel(path, reference=True)


def session(
    path: Path,
    threads: int,
    optimized: Path | None = None,
    *,
    reference: bool = False,
    profile: Path | None = None,
) -> ort.InferenceSession:
    """Returns a file's model, ready to run on this CPU.

    Args:
        path: The ``.onnx`` file.
        threads: Threads that the runtime may use.
        optimized: Where the graph goes as it runs.
        reference: Whether nothing of it is fused or replaced.
        profile: Where a profile of its runs goes: the beginning of the file's name.

    Raises:
        ModelError: See ``OnnxModel``.
    """
    content, options = files.read(path), ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if reference:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    # ONNX Runtime's errors have no class in common but this.
    except Exception as error:
        raise ModelError(
            f"ONNX Runtime cannot load it: {reason(str(error))}",
            path=str(path),
            hint="The file is cut or damaged, or it uses an operator that the runtime does not have.",
        ) from error


def _infos(arguments: list[Any], only: str) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            only if len(arguments) == 1 else argument.name,
            np.dtype(_TYPES.get(argument.type, np.object_)),
            tuple(size if isinstance(size, int) else None for size in argument.shape[1:]),
        )
        for argument in arguments
    )
