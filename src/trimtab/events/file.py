"""TensorBoard's event files, written without TensorFlow, which TensorBoard's own writer imports.

A record is ``uint64 length, uint32 masked CRC-32C of the length, data, uint32 masked CRC-32C of the data``,
little endian (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details); the data is
an ``Event`` message, and the first one says the version of the format.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path

import google_crc32c
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

_VERSION = "brain.Event:2"
_MASK = 0xA282EAD8
_counter = itertools.count()

Timed = tuple[Summary, int, float | None]
"""A summary, its step, and when it was found, in seconds since 1970; None: now."""


class EventFile:
    """One event file, to which events are appended.

    Args:
        directory: What TensorBoard calls a run; created when missing.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        now = time.time()
        # TensorBoard reads the files of a directory in the order of their names.
        name = (
            f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{next(_counter):04d}"
        )
        self._file = (directory / name).open("wb")
        self.add(Event(wall_time=now, file_version=_VERSION))
        self.flush()

    def add(self, event: Event) -> None:
        """Writes an event."""
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.write(b"".join((length, _checksum(length), data, _checksum(data))))

    def summary(self, summary: Summary, step: int = 0, seconds: float | None = None) -> None:
        """Writes a summary.

        Args:
            summary: The summary.
            step: Where it stands in the series of its tag.
            seconds: When it was found, since 1970; None: now.
        """
        self.add(Event(wall_time=time.time() if seconds is None else seconds, step=step, summary=summary))

    def flush(self) -> None:
        """Makes everything readable."""
        self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


def write(directory: Path, summaries: Iterable[Timed]) -> None:
    """Writes a file of summaries, beside those that are there.

    Args:
        directory: What TensorBoard calls a run; created when missing.
        summaries: Each with its step, and when it was found; see ``EventFile.summary``.
    """
    file = EventFile(directory)
    for summary, step, seconds in summaries:
        file.summary(summary, step, seconds)
    file.close()


def replace(directory: Path, summaries: Iterable[Timed]) -> None:
    """Writes the only file of a directory, in the place of an earlier attempt's; see ``write``."""
    earlier = list(directory.glob("*tfevents*"))
    write(directory, summaries)
    for old in earlier:
        old.unlink()


def _checksum(data: bytes) -> bytes:
    """Returns the masked CRC-32C: a CRC of data that holds CRCs is weak."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF)
