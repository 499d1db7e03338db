"""How long a request may take, and how long a failing one is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Limits:
    """The patience of a client.

    A request that fails in a way that passes (429, 408, 5xx, a broken or silent connection) is sent again
    with exponentially growing pauses until ``retry_seconds`` have gone by; then it is a ``StorageError``.

    Attributes:
        connect_seconds: For the connection, and for the server to take what is sent.
        read_seconds: For the server to send anything. A block of an upload (at most 8 MiB) has, besides, as
            long as it takes at the slowest rate.
        retry_seconds: How long after a request's first attempt the last one may begin.
        pause_seconds: The first pause; each further one is up to twice as long, 10 seconds at most.
        trickle_seconds, slowest_bytes_per_second: A response that takes this long, and longer than its size
            at this rate besides, is cut, and goes on from where it was over a new connection.
        hurried: Whether a request must end in time, however much it carries.
    """

    connect_seconds: float = 30.0
    read_seconds: float = 30.0
    retry_seconds: float = 120.0
    pause_seconds: float = 0.5
    trickle_seconds: float = 30.0
    slowest_bytes_per_second: float = 65_536.0
    hurried: bool = False

    def within(self, seconds: float) -> Limits:
        """Returns limits under which a request ends within a time, with room for a few attempts."""
        patience = min(self.read_seconds, seconds / 3)
        retrying = min(self.retry_seconds, seconds - patience)
        return replace(
            self, connect_seconds=patience, read_seconds=patience, retry_seconds=retrying, hurried=True
        )

    def for_bytes(self, size: int) -> Limits:
        """Returns limits for a download: it may break late, so retries go on for as long as it may take."""
        return replace(self, retry_seconds=self.retry_seconds + self._slowly(size))

    def for_block(self, size: int) -> Limits:
        """Returns limits for a block of an upload: a slow line takes long, and so do its buffers."""
        more, longer = self._slowly(size), self.for_bytes(size)
        return replace(
            longer, connect_seconds=self.connect_seconds + more, read_seconds=self.read_seconds + more
        )

    def _slowly(self, size: int) -> float:
        return 0.0 if self.hurried else size / self.slowest_bytes_per_second

    @property
    def timeout(self) -> tuple[float, float]:
        """Returns the timeout of one attempt, as requests takes it."""
        return self.connect_seconds, self.read_seconds


DEFAULT = Limits()
