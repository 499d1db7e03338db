"""TFRecord shards of ``tf.train.Example`` messages, written and read without TensorFlow.

Every record of a dataset has the same two features, ``x`` (raw bytes of one tensor) and ``y`` (one number, or
several), so its bytes are the same but for these two: whole batches are encoded and decoded as one numpy
matrix.

A record is ``uint64 length, uint32 masked CRC-32C of the length, data, uint32 masked CRC-32C of the data``,
little endian (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

from trimtab.errors import ArtifactError
from trimtab.tasks.base import YDtype

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[Any]
_HEADER, _FOOTER = 12, 4
_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class Layout:
    """The fixed layout of the records of a dataset.

    Attributes:
        x_bytes: Bytes of one example's tensor.
        y_dtype: ``int64`` for a class index, ``float32`` for a standardized value or several labels,
            ``uint8`` for a class a pixel.
        y_shape: Of one example's label: ``()``, or of several ``(k,)``, which are floats or bytes.
    """

    x_bytes: int
    y_dtype: YDtype
    y_shape: tuple[int, ...] = ()

    @property
    def y_bytes(self) -> int:
        """Returns the bytes of one example's label, of floats or bytes."""
        return np.dtype(self.y_dtype).itemsize * math.prod(self.y_shape)

    def encode(self, x: Bytes, y: Labels) -> bytes:
        """Returns the records of some examples.

        Args:
            x: The raw tensors, ``(n, x_bytes)``.
            y: The labels, ``(n, *y_shape)``; class indices are not negative.
        """
        x, y = np.ascontiguousarray(x, np.uint8), np.asarray(y, self.y_dtype)
        if self.y_dtype != "int64":
            return self._fill(self._template(self.y_bytes), x, y).tobytes()
        widths = _varint_widths(y)
        sizes = np.array([0, *(self._template(width).record.size for width in range(1, 11))])[widths]
        ends = np.cumsum(sizes)
        out = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        for width in np.unique(widths):
            rows = np.flatnonzero(widths == width)
            matrix = self._fill(self._template(int(width)), x[rows], y[rows])
            if len(rows) == len(y):
                return matrix.tobytes()
            for row, record in zip(rows, matrix, strict=True):
                out[ends[row] - sizes[row] : ends[row]] = record
        return out.tobytes()

    def _fill(self, template: _Template, x: Bytes, y: Labels) -> Bytes:
        matrix = np.repeat(template.record[None], len(y), axis=0)
        matrix[:, template.x_at : template.x_at + self.x_bytes] = x
        if self.y_dtype != "int64":
            little = np.dtype(self.y_dtype).newbyteorder("<")
            numbers = y.astype(little).reshape(len(y), template.width // little.itemsize)
            stored = np.ascontiguousarray(numbers).view(np.uint8)
            matrix[:, template.y_at : template.y_at + template.width] = stored
        else:
            shifts = 7 * np.arange(template.width)
            groups = (y[:, None] >> shifts) & 0x7F
            groups[:, :-1] |= 0x80
            matrix[:, template.y_at : template.y_at + template.width] = groups
        checksums = _checksums(np.ascontiguousarray(matrix[:, _HEADER:-_FOOTER]))
        matrix[:, -_FOOTER:] = checksums[:, None].view(np.uint8)
        return matrix

    def decode(self, matrix: Bytes, first: int = 0) -> tuple[Bytes, Labels]:
        """Returns ``(x (n, x_bytes), y (n, *y_shape))`` of whole records of one size, ``(n, record bytes)``.

        Args:
            matrix: The records.
            first: The place of the first one in its shard, for messages.

        Raises:
            ValueError: If a record has another layout, or a checksum that is not its content's.
        """
        data = np.ascontiguousarray(matrix[:, _HEADER:-_FOOTER])
        checksums = np.ascontiguousarray(matrix[:, -_FOOTER:]).view("<u4")[:, 0]
        wrong = np.flatnonzero(_checksums(data) != checksums)
        if len(wrong):
            raise ValueError(f"record {first + wrong[0]}: its checksum is not its content's")
        template = self._of_size(matrix.shape[1])
        if template is None or not bool((matrix[:, template.fixed] == template.record[template.fixed]).all()):
            raise ValueError(f"record {first}: expected the layout of this dataset's schema")
        y = np.ascontiguousarray(matrix[:, template.y_at : template.y_at + template.width])
        labels: Labels
        if self.y_dtype != "int64":
            labels = y.view(np.dtype(self.y_dtype).newbyteorder("<")).reshape(len(y), *self.y_shape)
        else:
            labels = ((y.astype(np.int64) & 0x7F) << (7 * np.arange(template.width))).sum(axis=1)
        return matrix[:, template.x_at : template.x_at + self.x_bytes], labels

    def _of_size(self, size: int) -> _Template | None:
        widths = range(1, 11) if self.y_dtype == "int64" else (self.y_bytes,)
        return next((t for t in map(self._template, widths) if t.record.size == size), None)

    def _template(self, width: int) -> _Template:
        return _template(self.x_bytes, self.y_dtype, width)


@dataclass(frozen=True)
class _Template:
    """A whole record with zeros where ``x``, ``y`` and the checksum of the data go."""

    record: Bytes
    x_at: int
    y_at: int
    width: int
    fixed: npt.NDArray[np.bool_] = field(repr=False)


@lru_cache(maxsize=64)
def _template(x_bytes: int, y_dtype: str, width: int) -> _Template:
    # Example.features = 1, Features.feature = 1, its entry's key = 1 and value = 2; in Feature bytes_list
    # = 1, float_list = 2, int64_list = 3; in each list value = 1 (numbers are packed).
    kind = {"uint8": 1, "float32": 2, "int64": 3}[y_dtype]
    x = _field(1, _field(1, b"x") + _field(2, _field(1, _field(1, bytes(x_bytes)))))
    y = _field(1, _field(1, b"y") + _field(2, _field(kind, _field(1, bytes(width)))))
    data = _field(1, x + y)
    length = np.array([len(data)], "<u8").view(np.uint8)
    header = np.concatenate([length, _checksums(length[None]).view(np.uint8)])
    record = np.concatenate([header, np.frombuffer(data, np.uint8), np.zeros(_FOOTER, np.uint8)])
    x_at = _HEADER + len(data) - len(y) - x_bytes
    y_at = _HEADER + len(data) - width
    fixed = np.ones(record.size, bool)
    fixed[x_at : x_at + x_bytes] = fixed[y_at : y_at + width] = fixed[-_FOOTER:] = False
    return _Template(record, x_at, y_at, width, fixed)


def read_shard(path: Path, layout: Layout) -> Iterator[tuple[Bytes, Labels]]:
    """Yields the examples of a shard in order, as blocks ``(x (n, x_bytes), y (n, *y_shape))``.

    At most a few MiB are in memory at a time.

    Raises:
        ArtifactError: If a record is damaged or cut, or is not of this layout.
    """
    seen = 0
    with path.open("rb") as file:
        rest = b""
        while block := file.read(_BLOCK_BYTES):
            buffer = np.frombuffer(rest + block, np.uint8)
            start = 0
            for run in _runs(buffer, path, seen):
                try:
                    yield layout.decode(run, seen)
                except ValueError as error:
                    raise ArtifactError(str(error), path=str(path)) from error
                seen += len(run)
                start += run.size
            rest = buffer[start:].tobytes()
    if rest:
        raise ArtifactError(f"the shard is cut inside record {seen}", path=str(path))


def _runs(buffer: Bytes, path: Path, seen: int) -> Iterator[Bytes]:
    """Yields the whole records at the start of a buffer, as matrices of neighbours of the same size."""
    while buffer.size >= _HEADER:
        header = np.ascontiguousarray(buffer[:_HEADER])
        if _checksums(header[None, :8])[0] != header[8:].view("<u4")[0]:
            raise ArtifactError(f"the length of record {seen} is damaged", path=str(path))
        size = int(header[:8].view("<u8")[0]) + _HEADER + _FOOTER
        rows = buffer.size // size
        if rows == 0:
            return
        matrix = buffer[: rows * size].reshape(rows, size)
        other = np.flatnonzero((matrix[:, :_HEADER] != header).any(axis=1))
        rows = int(other[0]) if len(other) else rows
        yield matrix[:rows]
        seen += rows
        buffer = buffer[rows * size :]


def _checksums(rows: Bytes) -> npt.NDArray[np.uint32]:
    """Returns the masked CRC-32C of every row of a contiguous matrix."""
    size, data = rows.shape[1], rows.tobytes()
    values = [google_crc32c.value(data[at : at + size]) for at in range(0, len(data), size)]
    crc = np.array(values, np.uint32)
    return ((crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(0xA282EAD8)).astype("<u4")


def _varint_widths(y: Labels) -> npt.NDArray[np.int64]:
    """Returns the bytes of every label as a protobuf varint."""
    if len(y) and int(y.min()) < 0:
        raise ValueError("class indices are not negative")
    return np.searchsorted(2 ** (7 * np.arange(1, 9, dtype=np.int64)), y, side="right") + 1


def _field(number: int, payload: bytes) -> bytes:
    """Returns a length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F)
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
