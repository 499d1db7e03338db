"""A profile of some steps of a training, for TensorBoard's page that the package `xprof` brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf


class Profile:
    """Profiles steps as they are made; not those that a process made which was killed.

    Args:
        directory: The directory of the training's logs; None: nothing is profiled.
        steps: The first and the last step, from 1, over all epochs; None: nothing is profiled.
    """

    def __init__(self, directory: Path | None, steps: Sequence[int] | None) -> None:
        self._directory, self._steps = directory, steps if directory is not None else None
        self._runs = False

    def done(self, steps: int) -> None:
        """Is told how many steps are done, when an epoch begins and after each step."""
        if self._steps is None:
            return
        first, last = self._steps
        if steps == first - 1 and not self._runs:
            tf.profiler.experimental.start(str(self._directory))
            self._runs = True
        elif steps >= last:
            self.close()

    def close(self) -> None:
        """Ends the profile, if one is being taken, and writes it."""
        if self._runs:
            self._runs = False
            tf.profiler.experimental.stop()
