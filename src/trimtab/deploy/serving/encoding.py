"""Raw rows become tensors, in a few threads; large files in one of their own, as others need not wait."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from trimtab.data.encoders.serving import Preprocessor
from trimtab.data.kinds.base import Encoded
from trimtab.data.kinds.registry import kind_of
from trimtab.data.schema import DatasetSchema
from trimtab.data.statistics.media import FileKind
from trimtab.data.values.notation import UnreadCells
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.refusal import busy
from trimtab.errors import DataError

_NICE = 10


class Encoding:
    """The threads.

    A file of 64 megapixels takes a second and hundreds of megabytes to decode. Files of more than
    ``limits.large_file`` values go through one thread, which gives way to all others of the machine, and no
    more than ``limits.large_files`` of them wait for it.

    Args:
        threads: How many there are for all that is not large.
        limits: What is large.

    Attributes:
        threads: Those, for what else takes its time.
    """

    def __init__(self, threads: int, limits: Limits) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="encoding")
        self._large = ThreadPoolExecutor(1, thread_name_prefix="large", initializer=_give_way)
        self._limits, self._waiting = limits, 0

    async def encoded(
        self, batch: pa.RecordBatch, schema: DatasetSchema, preprocessor: Preprocessor
    ) -> Encoded:
        """Returns the stored tensors of rows, ``(n, *shape)``, and what counts as missing in them.

        Files are taken one by one: as many are decoded at a time as there are threads, requests take turns,
        and one that is given up stops there.

        Args:
            batch: The rows.
            schema: The schema of the model.
            preprocessor: Its preprocessor.

        Raises:
            DataError: If a column is of another kind, or if a row cannot be read; it names the first one.
            Refusal: If too many large files wait already.
        """
        parts, unread, files = list[Encoded](), UnreadCells(), files_of(schema)
        step = 1 if files else batch.num_rows
        for at in range(0, batch.num_rows, step):
            part = await self._part(batch.slice(at, step), files, preprocessor)
            for row, reason in part.bad.items():
                raise DataError(reason, path=f"row {at + row + 1}")
            parts.append(part)
            unread.add(part.unread)
        return Encoded(np.concatenate([part.x for part in parts]), unread=unread.all())

    async def _part(
        self, rows: pa.RecordBatch, files: Mapping[str, FileKind], preprocessor: Preprocessor
    ) -> Encoded:
        loop = asyncio.get_running_loop()

        def unless_large() -> Encoded | None:
            if files and _values(rows, files) > self._limits.large_file:
                return None
            return preprocessor.encode(rows)

        part = await loop.run_in_executor(self.threads, unless_large)
        if part is not None:
            return part
        if self._waiting >= self._limits.large_files:
            raise busy("too many large files wait to be decoded")
        self._waiting += 1
        try:
            return await loop.run_in_executor(self._large, preprocessor.encode, rows)
        finally:
            self._waiting -= 1


def files_of(schema: DatasetSchema) -> dict[str, FileKind]:
    """Returns what the columns that hold files are, by name."""
    kinds = {column.name: kind_of(column.kind).files for column in schema.columns}
    return {name: files for name, files in kinds.items() if files is not None}


def _values(row: pa.RecordBatch, files: Mapping[str, FileKind]) -> int:
    """Returns how many values the files of a row are decoded into."""
    counts = ((known.values, row.column(name)[0].as_py()) for name, known in files.items())
    return sum(count(content) for count, content in counts if count is not None)


def _give_way() -> None:
    """Lets other threads go before this one; Linux has a priority for each."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
