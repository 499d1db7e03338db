"""What a runtime is: the protocol that each folder of this room fulfils.

A runtime's module has one object, ``RUNTIME``. It is light to import; the libraries that it needs are
imported by what uses them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.runtimes.ranges import Judge, Rule

if TYPE_CHECKING:
    import keras
    import numpy as np


@dataclass(frozen=True)
class Quantization:
    """How a tensor's integers stand for numbers: ``scale * (integer - zero_point)``, by channel or one."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]


@dataclass(frozen=True)
class TensorInfo:
    """An input or an output of a model.

    Attributes:
        name: Its name, the key in a ``Batch``.
        dtype: Its type.
        shape: Without the batch axis; None where a dimension is open.
        quantization: Where it holds integers that stand for numbers.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]
    quantization: Quantization | None = None


@dataclass(frozen=True)
class Traits:
    """What is inside a model's files.

    Attributes:
        operators: How many operators by kind, after the runtime's own graph optimization.
        operators_before: The same, as they are in the file.
        arithmetic: How many operators compute in ``float32``, ``float16``, ``int8``, … by type; those that
            only move or convert data are not among them.
        parameters: Constants of the kernels: what convolutions and dense layers multiply with.
        macs: Multiply-accumulates of one example.
        sparsity: Share of zeros in the kernels, 0 to 1.
        clusters: Most distinct values in one kernel.
    """

    operators: Mapping[str, int]
    operators_before: Mapping[str, int]
    arithmetic: Mapping[str, int]
    parameters: int
    macs: int
    sparsity: float
    clusters: int


@dataclass(frozen=True)
class Operator:
    """An operator of a model's files.

    Attributes:
        name: As the file calls it; often it begins with the name of the Keras layer that it computes.
        kind: What it does, as the runtime calls it.
        size_bytes: Of its constants; one that several share is the first one's.
        output: What it answered, as numbers, ``(n, *shape)``; None where that cannot be had.
    """

    name: str
    kind: str
    size_bytes: int
    output: np.ndarray[Any, Any] | None


@dataclass(frozen=True)
class Times:
    """How long the operators of a model take for one example, as they run: fused ones are one.

    Attributes:
        operators: ``(name, kind, median milliseconds)`` in their order; empty where they cannot be had.
        how: How that was measured, or why it cannot be.
    """

    operators: tuple[tuple[str, str, float], ...]
    how: str


@dataclass(frozen=True)
class Chosen:
    """What was chosen while a model's files were written.

    Attributes:
        ranges: How the ranges of activations were set; None where there are none.
        losses: What was lost on validation examples where one operator alone was quantized, by its name in
            the file; none where that was not asked.
    """

    ranges: Rule | None = None
    losses: Mapping[str, float] = field(default_factory=dict)


class LoadedModel(Protocol):
    """A model that runs."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    def predict(self, batch: Batch) -> Batch:
        """Returns the outputs of examples, ``(n, *shape)`` each.

        Raises:
            ModelError: If names, shapes or types are not the model's, or if the runtime fails.
        """

    def feed(self, batch: Batch) -> None:
        """Hands over the examples of the next ``invoke``: as many as the batch it was loaded for."""

    def invoke(self) -> None:
        """Runs what was fed last; this is what is timed."""


@dataclass(frozen=True)
class Quantizer:
    """One of a runtime's quantizations, as it is declared.

    Attributes:
        params: The class of its parameters: types, defaults, ranges, descriptions, search ranges.
        summary: What it does, in a sentence.
        needs: Of ``data`` (calibration rows), ``gradients``, ``labels``.
        source: Where the method is described.
    """

    params: type[Section]
    summary: str
    needs: frozenset[str] = frozenset()
    source: str = ""


class Runtime(Protocol):
    """A runtime.

    Attributes:
        name: As in the registry.
        extra: The extra of the package that installs it; empty where it always is.
        platform: What the Open Inference Protocol calls its models.
        files: The names of a model's files; the first is the one to load.
        quantizers: By the name of the step that ends a chain; ``none`` is 32-bit floats.
        reads: Endings of the files of models that it takes as they are; the first is that of its own format.
        file_extra: The extra that quantizing such a file takes beside its own; empty: none.
        requantizes: Those of its quantizers that such a file can be quantized by, as trimtab is installed.
        has_streams: Whether a loaded model can answer several batches at a time.
    """

    name: str
    extra: str
    platform: str
    files: tuple[str, ...]
    quantizers: Mapping[str, Quantizer]
    reads: tuple[str, ...]
    file_extra: str
    has_streams: bool

    @property
    def requantizes(self) -> frozenset[str]:
        """See the attributes."""

    def version(self) -> str:
        """Returns the version of the library that runs the files, such as ``2.3.0``.

        Raises:
            ConfigError: If it is not installed; the message names the extra.
        """

    def check_installed(self) -> None:
        """Checks that all is there which makes the files, too: a server needs what runs them alone.

        Raises:
            ConfigError: If something is not installed; the message names the extra.
        """

    def convert(
        self,
        model: keras.Model,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Chosen:
        """Writes a model's files.

        Args:
            model: A Keras model.
            quantizer: The name of the quantization.
            params: Its parameters.
            directory: Where the files go.
            calibration: Returns that many training examples, model-ready.
            judge: Says what files cost on validation examples; None: there are none.

        Returns:
            What was chosen on the way.

        Raises:
            CompressionError: If the runtime cannot take the model so.
        """

    def adopt(self, source: Path, directory: Path, shape: tuple[int, ...]) -> None:
        """Writes a model that others made as one that takes one example of the data at a time.

        Args:
            source: A file with one of the endings that it reads.
            directory: Where the files go.
            shape: Of one example of the data.

        Raises:
            ModelError: If it cannot be read, or does not take the data.
        """

    def input_limits(self, source: Path) -> tuple[float, float] | None:
        """Returns what the 8-bit input of a model of others stands for; None: it has no such input.

        Args:
            source: A file with one of the endings that it reads.

        Raises:
            ModelError: If it cannot be read.
        """

    def requantize(
        self,
        source: Path,
        quantizer: str,
        params: Section,
        directory: Path,
        calibration: Callable[[int], Batch],
        judge: Judge | None = None,
    ) -> Chosen:
        """Writes the files of a model that was adopted, quantized.

        Args:
            source: The first of its files, of this runtime or of another whose files it reads.
            quantizer: One of ``requantizes``.
            params: Its parameters.
            directory: Where the files go.
            calibration: Returns that many training examples, model-ready.
            judge: As for ``convert``.

        Returns:
            As ``convert`` does.

        Raises:
            CompressionError: If the runtime cannot take the model so.
        """

    def load(self, directory: Path, threads: int = 1, batch: int = 1, streams: int = 1) -> LoadedModel:
        """Loads a model's files.

        Args:
            directory: Where they are.
            threads: Threads that it may use.
            batch: Examples that go through it at a time.
            streams: Batches that ``predict`` answers at a time, sharing the threads; where the runtime has
                no streams, one.

        Raises:
            ModelError: If a file is missing, cut or damaged, or if the runtime lacks an operator.
        """

    def reference(self, directory: Path) -> LoadedModel:
        """Loads a model's files as ``load`` does, but on other kernels, or with fewer of them fused.

        How far both are apart tells how far another kind of CPU may be, whose kernels add and round in yet
        another order.

        Raises:
            ModelError: If these kernels lack an operator.
        """

    def traits(self, directory: Path) -> Traits:
        """Returns what is inside a model's files."""

    def operators(self, directory: Path, batch: Batch) -> list[Operator]:
        """Returns the operators of a model's files with what each answers, those of constants aside.

        Args:
            directory: Where the files are.
            batch: Model-ready examples, few: each goes through the model with nothing fused.

        Raises:
            ModelError: If the model cannot be loaded or run so.
        """

    def weights(self, directory: Path) -> Mapping[str, np.ndarray[Any, Any]]:
        """Returns the kernels of a model's files as the numbers that they stand for, flat.

        Args:
            directory: Where the files are.

        Returns:
            By the name that the file has for what is computed with a kernel; none where the runtime does not
            show them.
        """

    def times(self, directory: Path, batch: Batch, threads: int = 1) -> Times:
        """Returns how long each operator takes.

        Args:
            directory: Where the files are.
            batch: Model-ready examples; the first is used.
            threads: Threads of the runtime.

        Raises:
            ModelError: If the model cannot be loaded or run.
        """

    def explain(self, failure: BaseException | str) -> str:
        """Returns why a conversion or a run failed, in one sentence for people."""


def width(model: LoadedModel) -> int:
    """Returns how many values a model's outputs have together; 0 where one has an open dimension."""
    widths = [math.prod(size or 0 for size in output.shape) for output in model.outputs]
    return sum(widths) if all(widths) else 0
