"""A toy runtime: dense layers in numpy. It is what adding a runtime takes: this folder, and one line."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trimtab import registry
from trimtab.batch import INPUT, OUTPUT, Batch, rows
from trimtab.config.base import Section
from trimtab.errors import CompressionError, ModelError
from trimtab.runtimes import files, kernels
from trimtab.runtimes.base import Chosen, Operator, Quantizer, TensorInfo, Times, Traits
from trimtab.runtimes.checks import check_batch
from trimtab.runtimes.quantizations import Float16, Float32
from trimtab.runtimes.ranges import Judge

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": lambda x: (
        np.exp(x - x.max(1, keepdims=True)) / np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True)
    ),
}


class Loaded:
    """See ``base.LoadedModel``."""

    def __init__(self, path: Path, batch: int) -> None:
        self.path, self._batch = path, batch
        files.read(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                self._shape, layers = tuple(map(int, file["shape"])), len(file["activations"])
                self._layers = [
                    (file[f"kernel_{i}"].astype(np.float32), file[f"bias_{i}"], str(file["activations"][i]))
                    for i in range(layers)
                ]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"it cannot be loaded: {error}", path=str(path)) from error
        self.inputs = (TensorInfo(INPUT, np.dtype("f4"), self._shape),)
        self.outputs = (TensorInfo(OUTPUT, np.dtype("f4"), self._layers[-1][1].shape),)

    def predict(self, batch: Batch) -> Batch:
        check_batch(batch, self.inputs, self._batch, self.path)
        answers = [self._run(batch[INPUT][i : i + 1]) for i in range(rows(batch))]
        return {OUTPUT: np.concatenate([np.empty((0, *self.outputs[0].shape), np.float32), *answers])}

    def feed(self, batch: Batch) -> None:
        self._fed = batch[INPUT]

    def invoke(self) -> None:
        self._run(self._fed)

    def _run(self, x: np.ndarray) -> np.ndarray:
        x = x.reshape(len(x), -1)
        for kernel, bias, activation in self._layers:
            x = ACTIVATIONS[activation](x @ kernel + bias)
        return x


class Numpy:
    """See ``base.Runtime``."""

    name, extra, platform, files = "numpy", "", "numpy_npz", ("model.npz",)
    quantizers = {
        "none": Quantizer(Float32, "32-bit floats."),
        "float16": Quantizer(Float16, "16-bit float weights."),
    }
    reads, requantizes, file_extra, has_streams = (".npz",), frozenset({"none"}), "", False

    def version(self) -> str:
        return np.__version__

    def check_installed(self) -> None:
        self.version()

    def convert(
        self,
        model: Any,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Chosen:
        arrays: dict[str, Any] = {"shape": model.inputs[0].shape[1:], "activations": []}
        for layer in model._operations:
            kind = type(layer).__name__
            if kind == "Dense":
                kernel, bias = layer.get_weights()
                place = len(arrays["activations"])
                arrays[f"kernel_{place}"] = kernel.astype("f2" if quantizer == "float16" else "f4")
                arrays[f"bias_{place}"] = bias
                arrays["activations"].append(layer.activation.__name__)
            elif kind == "ReLU":
                arrays["activations"][-1] = "relu"
            elif kind not in ("InputLayer", "Flatten", "Dropout"):
                raise CompressionError(f"numpy has no layer for {kind}", field=model.name)
        np.savez(directory / "model.npz", **arrays)
        return Chosen()

    def adopt(self, source: Path, directory: Path, shape: tuple[int, ...]) -> None:
        shutil.copyfile(source, directory / "model.npz")
        if Loaded(directory / "model.npz", 1).inputs[0].shape != shape:
            raise ModelError(f"expected the shape {shape}", path=str(source))

    def input_limits(self, source: Path) -> tuple[float, float] | None:
        return None

    def requantize(
        self,
        source: Path,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Chosen:
        shutil.copyfile(source, directory / "model.npz")
        return Chosen()

    def load(self, directory: Path, threads: int = 1, batch: int = 1, streams: int = 1) -> Loaded:
        return Loaded(directory / "model.npz", batch)

    def reference(self, directory: Path) -> Loaded:
        return Loaded(directory / "model.npz", 1)

    def traits(self, directory: Path) -> Traits:
        loaded = Loaded(directory / "model.npz", 1)
        operators = Counter(activation for _, _, activation in loaded._layers)
        made = [kernels.Kernel(kernel, macs=kernel.size) for kernel, _, _ in loaded._layers]
        return kernels.counted(made, operators, operators, {"float32": len(made)})

    def operators(self, directory: Path, batch: Batch) -> list[Operator]:
        loaded, x = Loaded(directory / "model.npz", 1), batch[INPUT]
        x, found = x.reshape(len(x), -1), []
        for place, (kernel, bias, activation) in enumerate(loaded._layers):
            x = ACTIVATIONS[activation](x @ kernel + bias)
            found.append(Operator(f"kernel_{place}", "dense", kernel.nbytes + bias.nbytes, x))
        return found

    def weights(self, directory: Path) -> dict[str, np.ndarray]:
        loaded = Loaded(directory / "model.npz", 1)
        return {f"kernel_{place}": kernel.ravel() for place, (kernel, _, _) in enumerate(loaded._layers)}

    def times(self, directory: Path, batch: Batch, threads: int = 1) -> Times:
        return Times((), "numpy counts no time")

    def explain(self, failure: BaseException | str) -> str:
        return str(failure).splitlines()[0]


RUNTIME = Numpy()


def register() -> None:
    """Adds the line to the registry, in this process and in those that are forked from it."""
    registry.RUNTIMES["numpy"] = "numpy_runtime"
