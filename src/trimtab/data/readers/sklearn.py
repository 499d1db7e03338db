"""The data sets that scikit-learn ships: real data with no download."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
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
_DIGITS = "data/digits.csv.gz"
_SHAPE = (8, 8)


class SklearnReader:
    """Reads ``sklearn://<name>``: digits as images, the others as tables with a ``label`` or a ``target``."""

    def partitions(self, source: str, config: Data) -> list[Partition]:  # noqa: ARG002
        """See ``Reader``; units are rows, and all of them are one partition."""
        rows = len(_digits()[1]) if source == f"{SCHEME}digits" else len(_load(source).target)
        return [Partition(source, 0, 0, rows)]

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """See ``Reader``."""
        is_digits = partition.source == f"{SCHEME}digits"
        columns = _images(*_digits()) if is_digits else _table(_load(partition.source))
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


def _digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Returns the images (n, 8, 8), in 0..16, and the digits (n,): scikit-learn's file, without its code."""
    package = find_spec("sklearn")  # which imports nothing: it would take half a second
    assert package is not None
    assert package.origin is not None
    with gzip.open(Path(package.origin).with_name("datasets") / _DIGITS, "rt", encoding="ascii") as file:
        rows = np.loadtxt(file, delimiter=",")
    return rows[:, :-1].reshape(-1, *_SHAPE), rows[:, -1].astype(int)


def _images(images: np.ndarray[Any, Any], digits: np.ndarray[Any, Any]) -> dict[str, pa.Array]:
    grey = np.rint(images * (255 / 16)).astype(np.uint8)
    return {
        "image": pa.array([_png(image) for image in grey], pa.binary()),
        "label": pa.array([str(digit) for digit in digits], pa.string()),
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
