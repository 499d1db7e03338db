"""LiteRT: every installation has it, and it needs nothing of TensorFlow where models are served."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import ModelError
from trimtab.runtimes import library
from trimtab.runtimes.base import LoadedModel, Operator, Quantizer, Times, Traits
from trimtab.runtimes.litert import requantize
from trimtab.runtimes.litert.params import Codes
from trimtab.runtimes.litert.quantizations import QUANTIZERS, int8, quantized
from trimtab.runtimes.quantizations import Int8
from trimtab.runtimes.ranges import Judge, Rule, best
from trimtab.runtimes.shapes import channels_first

if TYPE_CHECKING:
    import keras

MODEL_FILE = "model.tflite"


class LiteRT:
    """See ``base.Runtime``."""

    name = "litert"
    extra = ""
    platform = "litert_tflite"
    files: tuple[str, ...] = (MODEL_FILE,)
    quantizers: Mapping[str, Quantizer] = QUANTIZERS
    reads: tuple[str, ...] = (".tflite",)
    file_extra = requantize.EXTRA
    has_streams = False

    @property
    def requantizes(self) -> frozenset[str]:
        """See ``base.Runtime``: without the extra, a file is taken as it is."""
        return frozenset(self.quantizers) if requantize.is_installed() else frozenset({"none"})

    def version(self) -> str:
        """See ``base.Runtime.version``."""
        return library.version(self.name, self.extra, "ai-edge-litert")

    def check_installed(self) -> None:
        """See ``base.Runtime.check_installed``; Keras models are converted by TensorFlow, which made them."""
        self.version()

    def convert(
        self,
        model: keras.Model,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Rule | None:
        """See ``base.Runtime.convert``."""
        rule = None
        if quantizer == "int8":
            asked = cast(Int8, params)
            make = int8(model, calibration(asked.calibration_examples))
            rule = best(asked.ranges, lambda rule, place: _write(place, make(rule)), directory, judge)
        else:
            _write(directory, quantized(model, quantizer))
        _coarsen(directory, params, calibration, judge)
        return rule

    def adopt(self, source: Path, directory: Path, shape: tuple[int, ...]) -> None:
        """See ``base.Runtime.adopt``."""
        from trimtab.runtimes.litert.model import LiteRTModel

        shutil.copyfile(source, directory / MODEL_FILE)
        (tensor,) = LiteRTModel(directory / MODEL_FILE).inputs[:1]
        if channels_first(tensor.shape, shape, source) is not None:
            raise ModelError("expected the channels last, as LiteRT has them", path=str(source))

    def input_limits(self, source: Path) -> tuple[float, float] | None:
        """See ``base.Runtime.input_limits``."""
        from trimtab.runtimes.litert.model import input_limits

        return input_limits(source)

    def requantize(
        self,
        source: Path,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Rule | None:
        """See ``base.Runtime.requantize``."""
        content, rule = source.read_bytes(), None
        if quantizer == "int8":
            asked = cast(Int8, params)
            make = requantize.int8(content, calibration(asked.calibration_examples), source.name)
            rule = best(asked.ranges, lambda rule, place: _write(place, make(rule)), directory, judge)
        elif quantizer == "none":
            _write(directory, content)
        else:
            _write(directory, requantize.requantized(content, quantizer, source.name))
        _coarsen(directory, params, calibration, judge)
        return rule

    def load(
        self,
        directory: Path,
        threads: int = 1,
        batch: int = 1,
        streams: int = 1,  # noqa: ARG002 - it has none
    ) -> LoadedModel:
        """See ``base.Runtime.load``."""
        from trimtab.runtimes.litert.model import LiteRTModel

        return LiteRTModel(directory / MODEL_FILE, threads, batch)

    def reference(self, directory: Path) -> LoadedModel:
        """See ``base.Runtime.reference``: LiteRT's own kernels, without XNNPACK."""
        from trimtab.runtimes.litert.model import LiteRTModel

        return LiteRTModel(directory / MODEL_FILE, reference=True)

    def traits(self, directory: Path) -> Traits:
        """See ``base.Runtime.traits``."""
        from trimtab.runtimes.litert.traits import traits

        return traits(directory / MODEL_FILE)

    def operators(self, directory: Path, batch: Batch) -> list[Operator]:
        """See ``base.Runtime.operators``."""
        from trimtab.runtimes.litert.inside import operators

        return operators(directory / MODEL_FILE, batch)

    def times(
        self,
        directory: Path,
        batch: Batch,  # noqa: ARG002 - operators run on whatever their inputs hold
        threads: int = 1,
    ) -> Times:
        """See ``base.Runtime.times``."""
        from trimtab.runtimes.litert.single import times

        return times(directory / MODEL_FILE, threads)

    def explain(self, failure: BaseException | str) -> str:
        """See ``base.Runtime.explain``."""
        from trimtab.runtimes.litert.words import reason

        return reason(str(failure))


def _write(directory: Path, content: bytes) -> None:
    (directory / MODEL_FILE).write_bytes(content)


def _coarsen(
    directory: Path, params: Section, calibration: Callable[[int], Batch], judge: Judge | None
) -> None:
    """Leaves a file with as few codes as is asked."""
    if not isinstance(params, Codes) or params.codes is None:
        return
    from trimtab.runtimes.litert.fewest_codes import with_codes

    path = directory / MODEL_FILE
    path.write_bytes(with_codes(path.read_bytes(), params, calibration, path.name, judge))


RUNTIME = LiteRT()
