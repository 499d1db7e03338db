"""Cuts responses that trickle: a socket's own timeout starts again with every byte that arrives."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from typing import Any

_TICKS_A_PATIENCE = 4


class SlowResponses:
    """Watches the responses of one HTTP session, with one thread for as long as any is open.

    A response that is late has its socket shut down; the client's reader sees a broken connection, which it
    retries from the byte that it has reached.

    Args:
        patience_seconds: What every response may take beside its size.
        bytes_per_second: The slowest rate.
    """

    def __init__(self, patience_seconds: float, bytes_per_second: float) -> None:
        self._patience, self._rate = patience_seconds, bytes_per_second
        self._open: list[tuple[float, weakref.ref[Any]]] = []
        self._changed = threading.Lock()
        self._running = False

    def watch(self, response: Any, *_: Any, **__: Any) -> None:
        """Takes a response whose head has arrived: a ``response`` hook of requests."""
        length = response.headers.get("Content-Length", "")
        seconds = self._patience + (int(length) if length.isdigit() else 0) / self._rate
        with self._changed:
            self._open.append((time.monotonic() + seconds, weakref.ref(response.raw)))
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="slow-responses", daemon=True).start()

    def _run(self) -> None:
        while self._cut_late():
            time.sleep(self._patience / _TICKS_A_PATIENCE)

    def _cut_late(self) -> bool:
        """Shuts down what is late; returns whether anything is left to watch."""
        now = time.monotonic()
        with self._changed:
            entries = [(due, ref) for due, ref in self._open if (raw := ref()) is not None and not raw.closed]
            self._open = [(due, ref) for due, ref in entries if due > now]
            self._running = bool(self._open)
        for due, ref in entries:
            raw = ref()
            if due <= now and raw is not None:
                with contextlib.suppress(OSError, RuntimeError, ValueError):  # it ended in this moment
                    raw.shutdown()
        return self._running
