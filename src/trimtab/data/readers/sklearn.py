"""The data sets that scikit-learn ships: real data with no download."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from PIL import Image

from trimtab.data.readers.base import Format, Partition
from trimtab.errors import DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data

SCHEME = "sklearn://"
NAMES = ("breast_cancer", "diabetes", "digits", "iris", "wine")


class SklearnReader:
    """Reads ``sklearn://<name>``: digits as images, the others as tables with a ``label`` or a ``target``."""

    def partitions(self, source: str, config: Data) -> list[Partition]:  # noqa: ARG002
        """See ``Reader``; units are rows, and all of them are one partition."""
        return [Partition(source, 0, 0, len(_load(source).target))]

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """See ``Reader``."""
        bunch = _load(partition.source)
        columns = _digits(bunch) if partition.source == f"{SCHEME}digits" else _table(bunch)
        batch = pa.RecordBatch.from_pydict(columns)
        yield batch.slice(partition.start, partition.stop - partition.start)


FORMAT = Format(SklearnReader)


def _load(source: str) -> Any:
    name = source.removeprefix(SCHEME)
    if name not in NAMES:
        raise DataError(
            "scikit-learn ships no such data set here",
            path=source,
            hint=f"Known: {', '.join(SCHEME + known for known in NAMES)}.",
        )
    from sklearn import datasets  # 0.5 s that no other reader should pay

    return getattr(datasets, f"load_{name}")()


def _digits(bunch: Any) -> dict[str, pa.Array]:
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return {
        "image": pa.array([_png(image) for image in grey], pa.binary()),
        "label": pa.array([str(label) for label in bunch.target], pa.string()),
    }


def _table(bunch: Any) -> dict[str, pa.Array]:
    names = [str(name) for name in bunch.feature_names]
    columns = {name: pa.array(values) for name, values in zip(names, bunch.data.T, strict=True)}
    if "target_names" in bunch:
        columns["label"] = pa.array([str(bunch.target_names[index]) for index in bunch.target], pa.string())
    else:
        columns["target"] = pa.array(bunch.target)
    return columns


def _png(image: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "png")
    return stream.getvalue()
