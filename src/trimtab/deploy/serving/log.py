"""The server's log: one JSON object a line, with what happened and never with what was asked."""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

from pydantic_core import to_json


class Line(NamedTuple):
    """What the log tells of a request.

    Attributes:
        time: When it was answered, in seconds since 1970.
        route: The route's name.
        method: The HTTP method.
        status: The HTTP status.
        seconds: What it took.
        rows: Examples that were computed.
        version: The version that answered.
    """

    time: float
    route: str
    method: str
    status: int
    seconds: float
    rows: int
    version: int | None


class JsonLog(logging.Handler):
    """Writes events; as a logging handler, also the warnings of the server library.

    Args:
        stream: Where lines go.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(logging.WARNING)
        self._stream = stream

    def event(self, event: str, **fields: Any) -> None:
        """Writes a line with the time in UTC, the event and its fields."""
        self._write(to_json({"time": _text(time.time()), "event": event, **fields}) + b"\n")

    def requests(self, lines: Iterable[Line]) -> None:
        """Writes lines about requests, all at once: standard error may have no buffer."""
        self._write("".join(map(_request, lines)).encode())

    def _write(self, lines: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # that nobody reads the log must not end the service
            self._stream.write(lines)
            self._stream.flush()

    def failure(self, error: BaseException) -> None:
        """Writes the type of an unexpected error and where it happened; its message may hold inputs."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        self.event("failure", type=type(error).__name__, where=where)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record of another library without the values it was formatted with."""
        self.event("server", level=record.levelname.lower(), message=str(record.msg))
        if record.exc_info and record.exc_info[1]:
            self.failure(record.exc_info[1])


def _text(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds * 1000) % 1000:03}+00:00"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _request(line: Line) -> str:
    # Formatted by hand, as none of it needs escaping and there is one for every request.
    return (
        f'{{"time":"{_text(line.time)}","event":"request","route":"{line.route}","method":"{line.method}",'
        f'"status":{line.status},"ms":{line.seconds * 1000:.3f},"rows":{line.rows},'
        f'"version":{line.version or "null"}}}\n'
    )
