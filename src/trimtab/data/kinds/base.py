"""The interface of a kind of input: ``INPUT`` of its module, which is all that others know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.config.data import Data
from trimtab.config.model import InputRange
from trimtab.data.schema import Column, TensorSpec
from trimtab.data.statistics.column import ColumnSummary
from trimtab.data.statistics.distributions import Distribution
from trimtab.data.statistics.media import FileKind
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.notation import Unread

Array = npt.NDArray[Any]
Settings = dict[str, Any]


@dataclass
class Encoded:
    """Stored tensors, and the rows that could not be read.

    Attributes:
        x: The tensors, ``(rows, *shape)``; zeros for the rows in ``bad``.
        bad: What is wrong, by row.
        unread: The cells that say nothing to the model.
    """

    x: Array
    bad: dict[int, str] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)


class Encoder(Protocol):
    """Turns raw rows into the one input tensor; fitted on the training split, the same ever after."""

    spec: TensorSpec

    @property
    def vocabulary_size(self) -> int | None:
        """Returns how many numbers an input of whole numbers has, each the number of a token; else None."""

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """Returns the tensors of some rows; columns that are not input are ignored."""


class Setting(NamedTuple):
    """A setting of an encoder that the config can ask for.

    Attributes:
        field: Its field, below ``data``.
        unit: Of the number, or of how many a list has; may be empty.
    """

    field: str
    unit: str = ""


def _no_other_range(settings: Settings, x: Array) -> Iterable[tuple[InputRange, Array]]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class InputKind:
    """A kind of input as the registry finds it.

    A table has any number of columns, numeric and categorical ones. Every other kind is one column that
    stands alone, and the column is of the kind's name.

    Attributes:
        fit: Returns the settings of the encoder, JSON values with ``kind`` among them, from the input
            columns, the summary of the training split, the config's data section and ``model.input``.
        encoder: Makes the encoder of fitted settings: it makes the shards, and serves.
        brief: Returns what the report says of a column, beside its name and kind, from a summary.
        distributions: Returns what can be compared of a column between two summaries, by aspect.
        takes: Whether a column that is no number is of this kind, by its summary and how many rows have a
            value; the first kind of the registry that takes it is it, and what none takes is categorical.
        files: What is known of the files, where the column holds encoded ones; None: it holds values.
        settings: What of the encoder's settings the config can ask for, by key.
        raw: What ``model.input: raw`` comes to.
        has_limits: Whether ``model.input`` may be a lowest and a highest number.
        other_ranges: Returns model-ready examples as they would be with another ``model.input``.
        is_pixels: Whether its tensors are images, ``(height, width, channels)``, as ``train.augment`` takes.
        least_steps: How many steps a training takes at least where ``train.epochs`` is not given, the epoch
            of the lowest validation loss being kept; None: it takes the usual epochs, and keeps the last one.
        like: Kinds whose architectures take these tensors, too.
    """

    fit: Callable[[Sequence[Column], Summary, Data, InputRange], Settings]
    encoder: Callable[[Settings], Encoder]
    brief: Callable[[Column, Summary], dict[str, Any]]
    distributions: Callable[[Column, Summary], dict[str, Distribution]]
    takes: Callable[[ColumnSummary, int], bool] = lambda column, present: False  # noqa: ARG005
    files: FileKind | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    raw: InputRange = "standardized"
    has_limits: bool = False
    other_ranges: Callable[[Settings, Array], Iterable[tuple[InputRange, Array]]] = _no_other_range
    is_pixels: bool = False
    least_steps: int | None = None
    like: tuple[str, ...] = ()


def encode_files(column: pa.Array, spec: TensorSpec, decode: Callable[[bytes], Array]) -> Encoded:
    """Returns the tensors of a column of encoded files.

    Args:
        column: Binary values.
        spec: The tensors.
        decode: Returns the tensor of one file, or raises ValueError.
    """
    encoded = Encoded(np.zeros((len(column), *spec.shape), spec.stored_dtype))
    for row, scalar in enumerate(column):
        content = scalar.as_py()
        try:
            if content is None:
                raise ValueError("the file is missing or cannot be read")
            encoded.x[row] = decode(content)
        except ValueError as error:
            encoded.bad[row] = str(error)
    return encoded
