"""Where the rows of a dataset came from: source, row, hash and label, so that others can be tested on them.

They stand beside the shards, in ``rows/``, and are read by nobody else: some 20 bytes a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trimtab.data.schema import SPLITS
from trimtab.data.values.hashing import Digests
from trimtab.errors import ArtifactError

FOLDER = "rows"
_SOURCES = "sources.json"
_HASH_BYTES = 16
_COUNTED = 1_000_000
_ABOUT = b"trimtab"
_SCHEMA = pa.schema(
    [("row", pa.int64()), ("file", pa.string()), ("hash", pa.binary(_HASH_BYTES)), ("label", pa.string())]
)


class Origin(NamedTuple):
    """Where a row came from.

    Attributes:
        source: The file, or what holds it.
        row: Its place there, from 1; 0 where a row is a file of its own.
        hash: 32 hexadecimal digits of its features' hash: the same for equal rows, wherever they are.
        label: As it is in the source.
        fold: Whose test row it is, from 1; 0: there are no folds.
    """

    source: str
    row: int
    hash: str
    label: str
    fold: int = 0


class OriginWriter:
    """Gathers where the rows of a partition came from, and leaves it beside the shards.

    Args:
        directory: The dataset's.
        given: The split that the partition's source is given for.
        place: The partition's place among those of its source.
    """

    def __init__(self, directory: Path, given: str, place: int) -> None:
        self._folder, self._about = directory / FOLDER, {"given": given, "place": place}
        self._tables: dict[str, list[pa.Table]] = {split: [] for split in SPLITS}

    def add(
        self,
        split: str,
        rows: npt.NDArray[np.int64],
        digests: Digests,
        labels: pa.StringArray,
        files: pa.StringArray | None,
    ) -> None:
        """Adds rows that were written to a split.

        Args:
            split: The split.
            rows: Their places in the partition, from 0.
            digests: Of their features, ``(n, 32)``.
            labels: As they are in the source.
            files: The files that they are; None where they are rows of one.
        """
        if not len(rows):
            return
        hashes = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(_HASH_BYTES), len(rows), [None, pa.py_buffer(digests[:, :_HASH_BYTES].tobytes())]
        )
        names = pa.nulls(len(rows), pa.string()) if files is None else files.cast(pa.string())
        columns = [pa.array(rows, pa.int64()), names, hashes, labels.cast(pa.string())]
        self._tables[split].append(pa.Table.from_arrays(columns, schema=_SCHEMA))

    def close(self, rows: int) -> None:
        """Writes what was gathered.

        Args:
            rows: Of the partition, those among them that could not be used.
        """
        self._folder.mkdir(exist_ok=True)  # the others' partitions are here, too
        about = {_ABOUT: json.dumps(self._about | {"rows": rows}).encode()}
        for split, tables in self._tables.items():
            # An empty one, too: the rows of a file are counted over all of its partitions.
            table = pa.concat_tables(tables) if tables else _SCHEMA.empty_table()
            name = f"{split}-{self._about['given']}-{self._about['place']:05d}.parquet"
            pq.write_table(table.replace_schema_metadata(about), self._folder / name, compression="zstd")


def write_sources(directory: Path, sources: dict[str, list[str]]) -> None:
    """Writes the sources of all partitions, by the split that they are given for, in their order."""
    (directory / FOLDER / _SOURCES).write_text(json.dumps(sources) + "\n")


def read_origins(directory: Path, split: str) -> Iterator[list[Origin]]:
    """Yields where the rows of a split came from, in their order; those of training are in the source's.

    Args:
        directory: The dataset's.
        split: The split.

    Raises:
        ArtifactError: If the dataset has no such list, as those of older versions.
    """
    folder = directory / FOLDER
    if not (folder / _SOURCES).is_file():
        raise ArtifactError(
            "this dataset does not say which rows it is of: an older version made it", path=str(directory)
        )
    sources, before = json.loads((folder / _SOURCES).read_bytes()), dict[tuple[str, str], int]()
    for file in sorted(folder.glob(f"{split}-*.parquet"), key=lambda path: path.stem.rpartition("-")[2]):
        table = pq.read_table(file)
        about = json.loads(table.schema.metadata[_ABOUT])
        source = sources[about["given"]][about["place"]]
        first = before.get((about["given"], source), 0)
        before[about["given"], source] = first + about["rows"]
        yield [
            Origin(name or source, 0 if name else first + row + 1, digest.hex(), label or "")
            for row, name, digest, label in zip(
                *(column.to_pylist() for column in table.columns), strict=True
            )
        ]


def share_of_copies(directory: Path, split: str) -> float:
    """Returns which share of a split's rows has the features of another one, as their hashes tell.

    Of more than a million rows those are counted whose hashes are small: a sample of inputs, with all copies
    of each (E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007).

    Args:
        directory: The dataset's.
        split: The split.
    """
    files = sorted((directory / FOLDER).glob(f"{split}-*.parquet"))
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    if not rows:
        return 0.0
    limit = int(min(_COUNTED / rows, 1) * 0xFFFFFFFF).to_bytes(4, "big") + b"\xff" * (_HASH_BYTES - 4)
    hashes: list[pa.Array] = []
    for file in files:
        read = pq.read_table(file, columns=["hash"]).column("hash").cast(pa.binary())
        hashes += read.filter(pc.less_equal(read, limit)).chunks
    counted = pa.chunked_array(hashes, pa.binary())
    return 1 - int(pc.count_distinct(counted).as_py()) / max(len(counted), 1)
