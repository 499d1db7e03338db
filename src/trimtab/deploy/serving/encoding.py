"""Raw rows become tensors, in a few threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

import numpy as np
import pyarrow as pa

from trimtab.data.encoders.serving import Preprocessor
from trimtab.data.kinds.base import Encoded
from trimtab.data.kinds.registry import input_kind
from trimtab.data.schema import DatasetSchema
from trimtab.errors import DataError


async def encoded(
    batch: pa.RecordBatch, schema: DatasetSchema, preprocessor: Preprocessor, threads: Executor
) -> Encoded:
    """Returns the stored tensors of rows, ``(n, *shape)``, and what counts as missing in them.

    A file may take seconds and hundreds of megabytes to decode. So files are taken one by one: as many are
    decoded at a time as there are threads, requests take turns, and one that is given up stops there.

    Args:
        batch: The rows.
        schema: The schema of the model.
        preprocessor: Its preprocessor.
        threads: Where it is done.

    Raises:
        DataError: If a column is of another kind, or if a row cannot be read; it names the first one.
    """
    loop, parts = asyncio.get_running_loop(), []
    step = 1 if input_kind(schema.input.kind).files else batch.num_rows
    for at in range(0, batch.num_rows, step):
        part = await loop.run_in_executor(threads, preprocessor.encode, batch.slice(at, step))
        for row, reason in part.bad.items():
            raise DataError(reason, path=f"row {at + row + 1}")
        parts.append(part)
    return Encoded(np.concatenate([part.x for part in parts]), unread=parts[0].unread)
