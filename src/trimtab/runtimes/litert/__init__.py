"""LiteRT: every installation has it, and it needs nothing of TensorFlow where models are served."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import CompressionError, ModelError
from trimtab.runtimes import library
from trimtab.runtimes.base import Chosen, LoadedModel, Operator, Quantizer, Times, Traits
from trimtab.runtimes.litert import edge, requantize
from trimtab.runtimes.litert.params import Codes, LiteRTInt8, LiteRTInt16x8
from trimtab.runtimes.litert.quantizations import QUANTIZERS, Calibrated, int8, int16x8, quantized
from trimtab.runtimes.ranges import Judge, best
from trimtab.runtimes.shapes import channels_first

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

MODEL_FILE = "model.tflite"


class LiteRT:
    """See ``base.Runtime``."""

    name = "litert"
    extra = ""
    platform = "litert_tflite"
    files: tuple[str, ...] = (MODEL_FILE,)
    quantizers: Mapping[str, Quantizer] = QUANTIZERS
    reads: tuple[str, ...] = (".tflite",)
    file_extra = edge.EXTRA
    has_streams = False

    @property
    def requantizes(self) -> frozenset[str]:
        """See ``base.Runtime``: without the extra, a file is taken as it is."""
        return requantize.QUANTIZERS if edge.is_installed() else frozenset({"none"})

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
    ) -> Chosen:
        """See ``base.Runtime.convert``."""
        chosen = Chosen()
        if quantizer == "int8":
            asked = cast(LiteRTInt8, params)
            chosen = _write_int8(
                int8(model, calibration(asked.calibration_examples)), asked, directory, judge, model.name
            )
        elif quantizer == "int16x8":
            examples = calibration(cast(LiteRTInt16x8, params).calibration_examples)
            _write(directory, int16x8(model, examples))
        else:
            _write(directory, quantized(model, quantizer, params))
        _coarsen(directory, params, calibration, judge)
        return chosen

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
    ) -> Chosen:
        """See ``base.Runtime.requantize``."""
        content, chosen = source.read_bytes(), Chosen()
        if quantizer == "int8":
            asked = cast(LiteRTInt8, params)
            if asked.keep_float or asked.only or asked.max_drop is not None:
                raise CompressionError("keep_float, only and max_drop are of Keras models", field=source.name)
            make = requantize.int8(content, calibration(asked.calibration_examples), source.name)
            rule = best(asked.ranges, lambda rule, place: _write(place, make(rule)), directory, judge)
            chosen = Chosen(rule)
        elif quantizer == "none":
            (directory / MODEL_FILE).write_bytes(content)
        else:
            _write(directory, requantize.requantized(content, quantizer, params, source.name))
        _coarsen(directory, params, calibration, judge)
        return chosen

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

    def weights(self, directory: Path) -> dict[str, NDArray[np.float32]]:
        """See ``base.Runtime.weights``."""
        from trimtab.runtimes.litert.inside import weights

        return weights(directory / MODEL_FILE)

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
    from trimtab.runtimes.litert.slim import slim

    (directory / MODEL_FILE).write_bytes(slim(content))


def _write_int8(
    model: Calibrated, asked: LiteRTInt8, directory: Path, judge: Judge | None, name: str
) -> Chosen:
    """Leaves a file in 8 bits, with the ranges that are best and floats where they are asked for."""
    from trimtab.runtimes.litert import mixed
    from trimtab.runtimes.litert.slim import short_name

    kept = mixed.named(model.floats, asked, name)
    rule = best(
        asked.ranges, lambda rule, place: _write(place, model.quantized(rule, kept)), directory, judge
    )
    if asked.max_drop is None or judge is None:
        return Chosen(rule)

    def costs(floats: Collection[str]) -> tuple[float, ...]:
        return _judged(model.quantized(rule, floats), judge)

    floats = _judged(model.floats, judge)[0]
    fewest, alone = mixed.fewest(model.floats, costs, kept, floats + asked.max_drop, name)
    if fewest != kept:
        _write(directory, model.quantized(rule, fewest))
    return Chosen(rule, {short_name(each): cost - floats for each, cost in alone.items()})


def _judged(content: bytes, judge: Judge) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        _write(Path(temporary), content)
        return judge(Path(temporary))


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
