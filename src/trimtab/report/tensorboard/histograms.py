"""Histograms of a model's weights before and after each pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.plugins.histogram.summary_v2 import histogram_pb

from trimtab.events import file
from trimtab.events.file import Timed
from trimtab.report.tensorboard.archive import weights_of

MOST_WEIGHTS = 60
"""Of a model: the largest are shown. A histogram is 1 kB."""


def write_histograms(directory: Path, models: Sequence[Path]) -> None:
    """Writes the distribution of every weight.

    Args:
        directory: The branch's.
        models: ``.keras`` files: the trained model, which is step 0, then what each pass made of the one
            before.
    """
    file.write(directory, (summary for step, model in enumerate(models) for summary in _of(model, step)))


def write_kernels(
    directory: Path, before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]
) -> None:
    """Writes the distribution of the kernels of a candidate's files, as tags below ``file``.

    Args:
        directory: The candidate's.
        before: Of the same model in 32-bit floats, step 0, by the names that its files have for what is
            computed with them; none where there are no such files.
        after: Of the quantized files, step 1. Where there are as many as before, they have those names: other
            converters call them otherwise.
    """
    sizes = [[values.size for values in kernels.values()] for kernels in (before, after)]
    if sizes[0] == sizes[1]:
        after = dict(zip(before, after.values(), strict=True))
    steps = ({_tag(name): values for name, values in kernels.items()} for kernels in (before, after))
    file.write(directory, (one for step, named in enumerate(steps) for one in _shown(named, step)))


def _tag(name: str) -> str:
    """Returns a tag of what LiteRT calls by all that it computes, the last first."""
    return f"file/{' + '.join(reversed(name.split(';')))}"


def _of(model: Path, step: int) -> Iterator[Timed]:
    yield from _shown(dict(weights_of(model)), step)


def _shown(weights: Mapping[str, NDArray[Any]], step: int) -> Iterator[Timed]:
    largest = sorted(weights.items(), key=lambda item: -item[1].size)[:MOST_WEIGHTS]
    for name, values in largest:
        yield histogram_pb(name, values[np.isfinite(values)].astype(np.float64)), step, None
