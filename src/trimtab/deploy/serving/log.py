"""The server's log: one JSON object a line, with what happened and never with what was asked."""

from __future__ import annotations

import contextlib
import logging
import traceback
from datetime import UTC, datetime
from typing import Any, BinaryIO

from pydantic_core import to_json


class JsonLog(logging.Handler):
    """Writes events; as a logging handler, also the warnings of the server library.

    Args:
        stream: Where lines go.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(logging.WARNING)
        self._stream = stream

    def event(self, event: str, **fields: Any) -> None:
        """Writes a line with the time in UTC, the event and its fields, and all lines before it."""
        self._write(to_json({"time": _now(), "event": event, **fields}) + b"\n")
        self.flush()

    def request(
        self, route: str, method: str, status: int, seconds: float, rows: int | None, version: int | None
    ) -> None:
        """Writes a line about a request; it may appear no sooner than with ``flush``."""
        # Formatted by hand, as none of it needs escaping and there is one for every request.
        line = (
            f'{{"time":"{_now()}","event":"request","route":"{route}","method":"{method}","status":{status},'
            f'"ms":{seconds * 1000:.3f},"rows":{rows or 0},"version":{version or "null"}}}\n'
        )
        self._write(line.encode())

    def flush(self) -> None:
        """Sends all lines on their way."""
        with contextlib.suppress(OSError, ValueError):  # that nobody reads the log must not end the service
            self._stream.flush()

    def _write(self, line: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line)

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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
