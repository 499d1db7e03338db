"""Histograms of a model's weights before and after each pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tensorboard.plugins.histogram.summary_v2 import histogram_pb

from trimtab.events import file
from trimtab.events.file import Timed
from trimtab.report.tensorboard.archive import weights_of

MOST_WEIGHTS = 60
"""Of a model: the largest are shown. A histogram is 1 KB."""


def write_histograms(directory: Path, models: Sequence[Path]) -> None:
    """Writes the distribution of every weight.

    Args:
        directory: The branch's.
        models: ``.keras`` files: the trained model, which is step 0, then what each pass made of the one
            before.
    """
    file.write(directory, (summary for step, model in enumerate(models) for summary in _of(model, step)))


def _of(model: Path, step: int) -> Iterator[Timed]:
    weights = sorted(weights_of(model), key=lambda item: -item[1].size)[:MOST_WEIGHTS]
    for name, values in weights:
        yield histogram_pb(name, values[np.isfinite(values)].astype(np.float64)), step, None
