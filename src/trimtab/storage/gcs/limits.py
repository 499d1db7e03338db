"""How long a request may take, and how long a failing one is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Limits:
    """The patience of a client.

    A request that fails in a way that passes (429, 408, 5xx, a broken or silent connection) is sent again
    with exponentially growing pauses until ``retry_seconds`` have gone by; then it is a ``StorageError``.

    Attributes:
        connect_seconds: For the connection, and for the server to take one block of an upload (at most 8
            MiB).
        read_seconds: For the server to send anything.
        retry_seconds: How long after a request's first attempt the last one may begin.
        pause_seconds: The first pause; each further one is up to twice as long, 10 seconds at most.
        trickle_seconds, slowest_bytes_per_second: A response that takes this long, and longer than its size
            at this rate besides, is cut, and goes on from where it was over a new connection.
    """

    connect_seconds: float = 30.0
    read_seconds: float = 30.0
    retry_seconds: float = 120.0
    pause_seconds: float = 0.5
    trickle_seconds: float = 30.0
    slowest_bytes_per_second: float = 65_536.0

    def within(self, seconds: float) -> Limits:
        """Returns limits under which a request ends within a time, with room for a few attempts."""
        patience = min(self.read_seconds, seconds / 3)
        retrying = min(self.retry_seconds, seconds - patience)
        return replace(self, connect_seconds=patience, read_seconds=patience, retry_seconds=retrying)

    def for_bytes(self, size: int) -> Limits:
        """Returns limits for a download: it may break late, so retries go on for as long as it may take."""
        return replace(self, retry_seconds=self.retry_seconds + size / self.slowest_bytes_per_second)

    @property
    def timeout(self) -> tuple[float, float]:
        """Returns the timeout of one attempt, as requests takes it."""
        return self.connect_seconds, self.read_seconds


DEFAULT = Limits()
