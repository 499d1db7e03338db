"""A profile of some steps of a training, for TensorBoard's page that the package `xprof` brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
        self._step: Any = None

    def done(self, steps: int) -> None:
        """Is told how many steps are done, when an epoch begins and after each step."""
        if self._steps is None:
            return
        first, last = self._steps
        self._end_step()
        if steps == first - 1 and not self._runs:
            tf.profiler.experimental.start(str(self._directory))
            self._runs = True
        if steps >= last:
            self.close()
        elif self._runs:
            self._begin_step(steps + 1)

    def close(self) -> None:
        """Ends the profile, if one is being taken, and writes it."""
        self._end_step()
        if self._runs:
            self._runs = False
            tf.profiler.experimental.stop()

    def _begin_step(self, number: int) -> None:
        """Marks a step: without marks, the page knows no times of steps."""
        self._step = tf.profiler.experimental.Trace("train", step_num=number, _r=1)
        self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None
