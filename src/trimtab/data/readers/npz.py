"""NumPy archives: arrays with one row an example, streamed; pickled objects are never loaded."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trimtab.config.data_limits import DataLimits, named
from trimtab.data.readers.base import Format, Partition
from trimtab.data.readers.files import files_of, size_of
from trimtab.errors import DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data

ENDINGS = (".npz",)
DEFAULT_LABEL = "y"
_ROWS_PER_PARTITION = 50_000
_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 8192
_MOST_DEFLATED = 1032  # to one byte: https://www.zlib.net/zlib_tech.html
# RuntimeError: it is encrypted; NotImplementedError: nobody knows its version or method.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    MemoryError,
)
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class _Member:
    """The header of one array."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    @property
    def described(self) -> str:
        return f"{self.name} {self.shape} {self.dtype}"


class NpzReader:
    """Reads the label's array and every array with as many rows.

    Arrays of shape ``(rows,)`` and ``(rows, 1)`` are columns; ``(rows, n)`` are the columns ``<name>_0`` and
    on; ``(rows, height, width)`` and ``(rows, height, width, 1 or 3)`` are images: uint8, or floats in 0..1.
    """

    def partitions(self, source: str, config: Data) -> list[Partition]:
        """See ``Reader``; units are rows."""
        partitions: list[Partition] = []
        for file in files_of(source, ENDINGS):
            rows = _chosen(file, config)[0].shape[0]
            for start in range(0, max(rows, 1), _ROWS_PER_PARTITION):
                stop = min(start + _ROWS_PER_PARTITION, rows)
                partitions.append(Partition(str(file), len(partitions), start, stop))
        return partitions

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """See ``Reader``."""
        file = Path(partition.source)
        members = _chosen(file, config)
        row_bytes = sum(member.dtype.itemsize * _items(member.shape[1:]) for member in members)
        step = max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(row_bytes, 1)))
        streams = [_rows(file, member, partition.start, partition.stop, step) for member in members]
        for arrays in zip(*streams, strict=True):
            columns: dict[str, pa.Array] = {}
            for member, array in zip(members, arrays, strict=True):
                columns.update(_columns(member.name, array, file))
            yield pa.RecordBatch.from_pydict(columns)


FORMAT = Format(NpzReader, endings=ENDINGS)


def _items(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _chosen(file: Path, config: Data) -> list[_Member]:
    """Returns the label's array and all others with as many rows, in the archive's order."""
    size_of(file)
    members = _members(file, config.limits)
    present = ", ".join(member.described for member in members) or "none"
    wanted = [name or DEFAULT_LABEL for name in config.named_labels]
    scalars = [member for member in members if not member.shape]
    members = [member for member in members if member not in scalars]
    if not members:
        raise DataError(f"expected arrays with one row an example, found {present}", path=str(file))
    labels = [member for member in members if member.name in wanted]
    rows = (labels or members)[0].shape[0]
    chosen = [member for member in members if member.shape[0] == rows]
    if not labels and len(chosen) < len(members):
        raise DataError(
            f"there is no array {', '.join(wanted)}, and the others differ in their number of rows: "
            f"{present}",
            path=str(file),
            field="data.label",
        )
    for member in chosen:
        _check(member, file, config.limits, is_label=member.name in wanted)
        if len(member.shape) == 2 and member.shape[1] > config.max_columns:
            raise DataError(
                f"expected at most {config.max_columns:,} columns, found {member.described}",
                path=str(file),
                field="data.max_columns",
                hint="Raise it if all are meant: each takes some milliseconds.",
            )
    return chosen


def _check(member: _Member, file: Path, limits: DataLimits, *, is_label: bool) -> None:
    if member.dtype.hasobject:
        raise DataError(
            "the array holds pickled Python objects, which can run code when they are loaded",
            path=str(file),
            field=member.name,
            hint="Save it with a numeric or string dtype, such as array.astype('U').",
        )
    if member.dtype.kind not in "buifSU":
        raise DataError(
            f"expected numbers or strings, found {member.dtype}", path=str(file), field=member.name
        )
    if is_label and _items(member.shape[1:]) != 1:
        raise DataError(
            f"expected one label a row, found the shape {member.shape}", path=str(file), field=member.name
        )
    if (row_bytes := member.dtype.itemsize * _items(member.shape[1:])) > limits.row_mb << 20:
        raise DataError(
            f"a row of {member.described} takes {row_bytes:,} bytes",
            path=str(file),
            field=named("row_mb"),
            hint="Raise it if there is memory for several of them.",
        )
    tail = member.shape[1:]
    if len(tail) > 3 or (len(tail) == 3 and tail[2] not in (1, 3)) or 0 in tail:
        raise DataError(
            f"expected (rows,), (rows, n), (rows, height, width) or (rows, height, width, 1 or 3), "
            f"found {member.shape}",
            path=str(file),
            field=member.name,
        )


def _members(file: Path, limits: DataLimits) -> list[_Member]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = []
            for entry in archive.infolist():
                if entry.filename.endswith(".npy"):
                    with archive.open(entry) as stream:
                        member = _Member(entry.filename.removesuffix(".npy"), *_header(stream))
                        _check_size(member, entry, stream.tell(), file, limits)
                    members.append(member)
            return members
    except _DAMAGE as error:
        raise DataError(f"this is no archive of NumPy arrays: {error}", path=str(file)) from error


def _check_size(
    member: _Member, entry: zipfile.ZipInfo, header_bytes: int, file: Path, limits: DataLimits
) -> None:
    """Refuses an array that says to be larger than what is there, before anybody makes room for it."""
    said = member.dtype.itemsize * math.prod(member.shape)
    unpacked = entry.file_size - header_bytes
    if not member.dtype.hasobject and said > min(unpacked, entry.compress_size * _MOST_DEFLATED):
        raise DataError(
            f"the array is cut short: {member.described} takes {said:,} bytes, "
            f"and there are {max(unpacked, 0):,}, packed in {entry.compress_size:,}",
            path=str(file),
            field=member.name,
        )
    if member.fortran and len(member.shape) > 1 and said > limits.array_mb << 20:
        raise DataError(
            f"{member.described}, {said:,} bytes, is stored column by column: it cannot be read row by row",
            path=str(file),
            field=named("array_mb"),
            hint="Save numpy.ascontiguousarray of it, or raise the limit if there is memory for all of it.",
        )


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return shape, dtype, fortran


def _rows(file: Path, member: _Member, start: int, stop: int, step: int) -> Iterator[Array]:
    """Yields the rows of one array in blocks of ``step``, without ever holding all of them."""
    try:
        if member.fortran and len(member.shape) > 1:  # columns first: its rows cannot be streamed
            with np.load(file, allow_pickle=False) as archive:
                array = archive[member.name]
            for begin in range(start, stop, step):
                yield array[begin : min(begin + step, stop)]
            return
        row_bytes = member.dtype.itemsize * _items(member.shape[1:])
        with zipfile.ZipFile(file) as archive, archive.open(f"{member.name}.npy") as stream:
            _header(stream)
            _read(stream, start * row_bytes, keep=False)
            for begin in range(start, stop, step):
                rows = min(step, stop - begin)
                content = _read(stream, rows * row_bytes, keep=True)
                yield np.frombuffer(content, member.dtype).reshape(rows, *member.shape[1:])
    except _DAMAGE as error:
        raise DataError(f"the array is damaged: {error}", path=str(file), field=member.name) from error


def _read(stream: IO[bytes], size: int, *, keep: bool) -> bytes:
    """Reads exactly ``size`` bytes; to skip, it reads small blocks and drops them."""
    parts = []
    while size:
        part = stream.read(min(size, 1 << 20))
        if not part:
            raise EOFError("it is cut short")
        size -= len(part)
        if keep:
            parts.append(part)
    return b"".join(parts)


def _columns(name: str, array: Array, file: Path) -> dict[str, pa.Array]:
    if array.ndim > 2:
        return {name: pa.array(_encoded(array, file, name), pa.binary())}
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.ndim == 1 or array.shape[1] == 1:
        return {name: _array(array.reshape(-1))}
    return {
        f"{name}_{index}": _array(np.ascontiguousarray(array[:, index])) for index in range(array.shape[1])
    }


def _array(values: Array) -> pa.Array:
    return pa.array(values.tolist(), pa.string()) if values.dtype.kind == "U" else pa.array(values)


def _encoded(images: Array, file: Path, name: str) -> list[bytes]:
    """Returns images as binary PGM or PPM: lossless, and free to encode."""
    if images.dtype.kind == "f":
        if not (images.min() >= 0 and images.max() <= 1):
            raise DataError(
                "expected images of floats between 0 and 1, found others",
                path=str(file),
                field=name,
                hint="Save images as uint8.",
            )
        images = np.rint(images * 255).astype(np.uint8)
    if images.dtype != np.uint8:
        raise DataError(f"expected images of uint8, found {images.dtype}", path=str(file), field=name)
    height, width = images.shape[1:3]
    kind = "P6" if images.shape[3:] == (3,) else "P5"
    header = f"{kind} {width} {height} 255\n".encode()
    return [header + image.tobytes() for image in images]
