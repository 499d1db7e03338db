"""A toy format: a JSON object a line. It is what adding a format takes: this file, and one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from trimtab.config.data import Data
from trimtab.data.readers.base import Format, Partition
from trimtab.data.readers.files import files_of
from trimtab.errors import DataError

ENDINGS = (".jsonl",)
LINES = 50


class JsonLinesReader:
    """Reads files of one object a line; all have the keys of the first."""

    def partitions(self, source: str, config: Data) -> list[Partition]:
        """See ``Reader``; units are lines."""
        made: list[Partition] = []
        for file in files_of(source, ENDINGS):
            count = len(_lines(file))
            made += [
                Partition(str(file), len(made) + number, start, min(start + LINES, count))
                for number, start in enumerate(range(0, count, LINES))
            ]
        return made

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """See ``Reader``."""
        lines = _lines(Path(partition.source))[partition.start : partition.stop]
        yield pa.RecordBatch.from_pylist([json.loads(line) for line in lines])


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        json.loads(lines[0] if lines else "")
    except (OSError, ValueError) as error:
        raise DataError(f"expected a JSON object a line: {error}", path=str(file)) from error
    return lines


FORMAT = Format(JsonLinesReader, endings=ENDINGS)
