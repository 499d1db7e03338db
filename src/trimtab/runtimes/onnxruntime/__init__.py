"""ONNX Runtime: runs the format that most frameworks export to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.runtimes import library
from trimtab.runtimes.base import LoadedModel, Quantizer, Traits
from trimtab.runtimes.onnxruntime.params import QUANTIZERS
from trimtab.runtimes.onnxruntime.words import reason

if TYPE_CHECKING:
    import keras

MODEL_FILE = "model.onnx"


class OnnxRuntime:
    """See ``base.Runtime``."""

    name = "onnxruntime"
    extra = "onnx"
    platform = "onnxruntime_onnx"
    files: tuple[str, ...] = (MODEL_FILE,)
    quantizers: Mapping[str, Quantizer] = QUANTIZERS
    reads: tuple[str, ...] = (".onnx",)
    requantizes = frozenset(QUANTIZERS)

    def version(self) -> str:
        """See ``base.Runtime.version``."""
        return library.version(self.name, self.extra, "onnxruntime", "onnx", "tf2onnx")

    def convert(
        self,
        model: keras.Model,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
    ) -> None:
        """See ``base.Runtime.convert``."""
        self.version()
        from trimtab.runtimes.onnxruntime.convert import convert

        convert(model, quantizer, params, directory / MODEL_FILE, calibration)

    def adopt(self, source: Path, directory: Path, shape: tuple[int, ...]) -> None:
        """See ``base.Runtime.adopt``."""
        self.version()
        from trimtab.runtimes.onnxruntime.source import adopt

        adopt(source, directory / MODEL_FILE, shape)

    def input_limits(self, source: Path) -> tuple[float, float] | None:
        """See ``base.Runtime.input_limits``."""
        self.version()
        from trimtab.runtimes.onnxruntime.source import input_limits

        return input_limits(source)

    def requantize(
        self,
        source: Path,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
    ) -> None:
        """See ``base.Runtime.requantize``."""
        self.version()
        from trimtab.runtimes.onnxruntime.source import requantize

        requantize(source, quantizer, params, directory / MODEL_FILE, calibration)

    def load(self, directory: Path, threads: int = 1, batch: int = 1) -> LoadedModel:
        """See ``base.Runtime.load``."""
        self.version()
        from trimtab.runtimes.onnxruntime.model import OnnxModel

        return OnnxModel(directory / MODEL_FILE, threads, batch)

    def traits(self, directory: Path) -> Traits:
        """See ``base.Runtime.traits``."""
        self.version()
        from trimtab.runtimes.onnxruntime.traits import traits

        return traits(directory / MODEL_FILE)

    def explain(self, failure: BaseException | str) -> str:
        """See ``base.Runtime.explain``."""
        return reason(str(failure))


RUNTIME = OnnxRuntime()
