"""TensorBoard's curves of a run, written so that a resumed run continues them without doubles or gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from trimtab.events.file import EventFile


class Curves:
    """Events of one directory, with the epoch as the step.

    Events that an earlier process wrote for epochs that are done are carried over into a new file; those of
    epochs that will be trained again, and a tail that a kill cut off, are left out.

    Args:
        directory: The directory of the logs.
        epochs_done: Epochs whose events are kept.
    """

    def __init__(self, directory: Path, epochs_done: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        earlier = sorted(directory.glob("*tfevents*"))
        events = list(_events(earlier, epochs_done))
        self._file = EventFile(directory)
        for event in events:
            self._file.add(event)
        self._file.flush()
        for file in earlier:
            file.unlink()

    def scalars(self, step: int, values: Mapping[str, float], seconds: float) -> None:
        """Writes numbers by tag."""
        for tag, value in values.items():
            self.summary(step, scalar_pb(tag, value), seconds)

    def histograms(self, step: int, values: Mapping[str, np.ndarray], seconds: float) -> None:
        """Writes the distribution of arrays by tag."""
        for tag, value in values.items():
            self.summary(step, histogram_pb(tag, value), seconds)

    def summary(self, step: int, summary: Summary, seconds: float) -> None:
        """Writes a summary of any kind."""
        self._file.add(Event(wall_time=seconds, step=step, summary=summary))

    def graph(self, definition: bytes, seconds: float) -> None:
        """Writes a serialized GraphDef."""
        self._file.add(Event(wall_time=seconds, step=0, graph_def=definition))

    def flush(self) -> None:
        """Makes everything readable."""
        self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


def _events(files: list[Path], epochs_done: int) -> Iterator[Event]:
    """Yields the events of epochs that are done, once each."""
    seen = set()
    for file in files:
        for content in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(content)
            key = (event.step, event.HasField("graph_def"), *(value.tag for value in event.summary.value))
            if event.HasField("file_version") or event.step > epochs_done or key in seen:
                continue
            seen.add(key)
            yield event
