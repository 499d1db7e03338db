"""What narrower models of a model cost in the files of a runtime, beside what a target asks for."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from trimtab.compress.base import Scales
from trimtab.compress.targets import Target


class Served:
    """A model as it was before any cut, and how it is weighed.

    Args:
        model: The model.
        target: What it is to become; its runtime and its quantization are those that are measured.
        scales: What weighs.
    """

    def __init__(self, model: keras.Model, target: Target, scales: Scales) -> None:
        self._whole, self._target, self._scales = model, target, scales
        self._form = target.runtime, target.quantization

    def gzip_bytes(self, model: keras.Model) -> int:
        """Returns the bytes of a model's files after gzip."""
        return self._scales.gzip_bytes(model, *self._form)

    def most_bytes(self, way: float) -> float:
        """Returns how many there may be.

        Args:
            way: Share of the way to the target.
        """
        return self.gzip_bytes(self._whole) * (1 - way * (1 - (self._target.bytes_ratio or 1.0)))

    def milliseconds(self, models: Sequence[keras.Model]) -> tuple[float, list[float]]:
        """Returns the latency of the model before any cut, and of others, measured in turns with it."""
        whole, *others = self._scales.milliseconds([self._whole, *models], *self._form)
        return whole, others

    def most_milliseconds(self, whole: float, way: float) -> float:
        """Returns how long an example may take.

        Args:
            whole: What it takes before any cut, in the same turns.
            way: Share of the way to the target.
        """
        asked = [whole * self._target.latency_ratio] if self._target.latency_ratio is not None else []
        asked += [self._target.latency_ms] if self._target.latency_ms is not None else []
        return whole - way * max(0.0, whole - min(asked))
