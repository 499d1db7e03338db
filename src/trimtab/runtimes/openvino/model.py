"""Runs OpenVINO's intermediate representation, as it will be served.

The precision is what the file says: left to itself, OpenVINO computes floats in bfloat16 where a CPU has it,
which is 2e-4 from Keras on a small convnet. Threads are not pinned to cores: processes beside each other
would all take the same ones.

Code that OpenVINO generates for several operators at once is wrong for dense layers in 8 bits where a stream
has one thread (2026.4: a network with two of them agreed with its floats on 2 % of the rows). There each
operator has its own kernel: ResNet-8 takes 133 µs so, and 130 with generated code.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.batch import INPUT, OUTPUT, Batch, rows, take
from trimtab.errors import ModelError
from trimtab.runtimes import files
from trimtab.runtimes.base import TensorInfo
from trimtab.runtimes.checks import check_batch, check_types
from trimtab.runtimes.openvino.silent import ov
from trimtab.runtimes.openvino.words import reason

_UNFUSED = {"SNIPPETS_MODE": "DISABLE"}


class OpenVINOModel:
    """See ``base.LoadedModel``.

    Attributes:
        path: The ``.xml`` file.
        inputs: What it takes.
        outputs: What it gives.
    """

    def __init__(
        self, path: Path, threads: int = 1, batch: int = 1, streams: int = 1, *, reference: bool = False
    ) -> None:
        """Loads a model.

        Args:
            path: The ``.xml`` file; its weights are beside it.
            threads: Threads that the runtime may use.
            batch: Examples that go through it at a time; any but 1 reshapes the graph.
            streams: Batches that are answered at a time; each has its share of the threads.
            reference: Whether it takes the other kernels: one for each operator where it would take code
                that is generated for several of them, and the other way round.

        Raises:
            ModelError: If a file is missing, cut or damaged, if the runtime lacks one of its operators, if it
                has other types than float32 (or int32 tokens), or if it cannot be reshaped.
        """
        self.path, self._batch = path, batch
        compiled = compiled_model(path, threads, batch, streams, reference=reference)
        self.inputs, self.outputs = _infos(compiled.inputs, INPUT), _infos(compiled.outputs, OUTPUT)
        check_types(self.inputs, self.outputs, path)
        self._streams = [_Stream(compiled, self.inputs, self.outputs, path) for _ in range(streams)]
        self._only = self._streams[0]

    def predict(self, batch: Batch) -> Batch:
        """See ``base.LoadedModel.predict``."""
        check_batch(batch, self.inputs, self._batch, self.path)
        outputs = self._only.empty(rows(batch))
        places = range(0, rows(batch), self._batch)
        if len(self._streams) == 1 or len(places) == 1:
            self._answer(self._only, batch, places, outputs)
            return outputs
        # A request waits with Python's lock released, so that threads are enough; OpenVINO's own queue calls
        # Python back for each answer, which takes longer than the answer of a small model.
        with ThreadPoolExecutor(len(self._streams)) as pool:
            shares = [
                pool.submit(self._answer, stream, batch, places[number :: len(self._streams)], outputs)
                for number, stream in enumerate(self._streams)
            ]
        for share in shares:
            share.result()
        return outputs

    def feed(self, batch: Batch) -> None:
        """See ``base.LoadedModel.feed``."""
        self._only.feed(batch)

    def invoke(self) -> None:
        """See ``base.LoadedModel.invoke``.

        Raises:
            ModelError: If an operator fails.
        """
        self._only.invoke()

    def _answer(self, stream: _Stream, batch: Batch, places: range, outputs: Batch) -> None:
        for at in places:
            stream.feed(take(batch, at, at + self._batch))
            stream.invoke()
            stream.read({name: values[at : at + self._batch] for name, values in outputs.items()})


class _Stream:
    """A request, and views of its own tensors: feeding and reading is a copy, and nothing else."""

    def __init__(
        self, compiled: Any, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], path: Path
    ) -> None:
        self._request, self._path = compiled.create_infer_request(), path
        self._sources = [
            (tensor.name, self._request.get_input_tensor(place).data) for place, tensor in enumerate(inputs)
        ]
        self._targets = [
            (tensor.name, self._request.get_output_tensor(place).data) for place, tensor in enumerate(outputs)
        ]

    def empty(self, count: int) -> dict[str, NDArray[np.float32]]:
        return {name: np.empty((count, *view.shape[1:]), np.float32) for name, view in self._targets}

    def feed(self, batch: Batch) -> None:
        for name, view in self._sources:
            view[...] = batch[name]

    def invoke(self) -> None:
        try:
            # In this thread: what `start_async` hands to another takes a turn of the scheduler more.
            self._request.infer(share_outputs=True)
        except RuntimeError as error:
            raise ModelError(f"the runtime failed: {reason(str(error))}", path=str(self._path)) from error

    def read(self, outputs: Batch) -> None:
        for name, view in self._targets:
            outputs[name][...] = view


def load(path: Path, threads: int, batch: int, streams: int) -> OpenVINOModel:
    """Returns a model that runs; see ``base.Runtime.load``."""
    return OpenVINOModel(path, threads, batch, streams)


def reference(path: Path) -> OpenVINOModel:
    """Returns a model on other kernels; see ``base.Runtime.reference``."""
    return OpenVINOModel(path, reference=True)


def compiled_model(
    path: Path,
    threads: int,
    batch: int = 1,
    streams: int = 1,
    *,
    reference: bool = False,
    counted: bool = False,
) -> Any:
    """Returns a file's model, compiled for this CPU.

    Args:
        path: The ``.xml`` file.
        threads: Threads that the runtime may use.
        batch: Examples that go through it at a time.
        streams: Batches that are answered at a time.
        reference: Whether it is on the kernels that it would not take by itself.
        counted: Whether it counts the time of each operator.

    Raises:
        ModelError: See ``OpenVINOModel``.
    """
    content, weights = files.read(path), files.read(path.with_suffix(".bin"))
    core = ov.Core()
    try:
        model = core.read_model(content, ov.Tensor(np.frombuffer(weights, np.uint8)))
        if batch != 1:
            model.reshape({port: [batch, *list(port.partial_shape)[1:]] for port in model.inputs})
        kernels, other_kernels = _kernels(model, threads, streams)
        counters = {"PERF_COUNT": "YES"} if counted else {}
        return core.compile_model(model, "CPU", (other_kernels if reference else kernels) | counters)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"OpenVINO cannot load it: {reason(str(error))}",
            path=str(path),
            hint="A file is cut or damaged, or it uses an operator that the runtime does not have.",
        ) from error


def is_quantized(graph: Any) -> bool:
    """Returns whether a graph computes in 8-bit integers anywhere."""
    return any(operator.get_type_name() == "FakeQuantize" for operator in graph.get_ops())


def _kernels(graph: Any, threads: int, streams: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the settings of the kernels that are right for a graph, and of others that are."""
    fused = settings(threads, streams)
    if threads // streams == 1 and is_quantized(graph):
        return fused | _UNFUSED, settings(2)
    return fused, fused | _UNFUSED


def settings(threads: int, streams: int = 1) -> dict[str, Any]:
    """Returns how a model is compiled: for the fastest answer to as many requests as there are streams."""
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }


def _infos(ports: list[Any], only: str) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            only if len(ports) == 1 else port.get_any_name(),
            np.dtype(port.get_element_type().to_dtype()),
            tuple(int(size) for size in list(port.shape)[1:]),
        )
        for port in ports
    )
