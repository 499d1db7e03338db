"""What is told of the rows of one request, which are encoded one by one where they hold files."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from trimtab.config.data import Data
from trimtab.data.encoders.serving import Preprocessor
from trimtab.data.prepare.prepare import prepare
from trimtab.data.values.notation import Unread
from trimtab.deploy.serving.encoding import Encoding
from trimtab.deploy.serving.limits import Limits

ROWS = 60


def picture(random: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(random.integers(0, 255, (4, 4, 3)).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_cells_of_every_row_of_a_request_with_files_are_told(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    columns = {
        "scan": [picture(random) for _ in range(ROWS)],
        "age": random.normal(50, 10, ROWS),
        "sex": random.choice(["f", "m"], ROWS),
        "label": ["ill", "well"] * (ROWS // 2),
    }
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    inputs = {"picture": {"column": "scan"}, "person": {"columns": ["age", "sex"]}}
    data = Data.model_validate({"train": str(tmp_path / "rows.parquet"), "inputs": inputs, "workers": 1})
    schema = prepare(data, seed=0, directory=tmp_path).schema
    asked = pa.record_batch({"scan": columns["scan"][:3], "age": ["50", "old", "51"], "sex": ["f", "m", "x"]})
    encoded = asyncio.run(Encoding(1, Limits()).encoded(asked, schema, Preprocessor.load(schema)))
    assert len(encoded.x) == 3
    assert encoded.unread == [Unread("age", 1, ("old",)), Unread("sex", 1, ("x",), "other")]
