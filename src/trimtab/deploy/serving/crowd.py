"""Connections: as many as there are files for, and those that ask for nothing make room for new ones."""

from __future__ import annotations

import resource
from typing import Protocol

_OWN_FILES = 256
"""What models, storage, the log and sockets of our own may take."""


class Guest(Protocol):
    """A connection, as far as the crowd knows it."""

    def leave(self) -> None:
        """Closes it."""


class Crowd:
    """All connections of a process.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most, self._count = most, 0
        self._idle: dict[Guest, None] = {}

    def join(self, guest: Guest) -> None:
        """Takes a connection in; beyond the limit, the one that has asked for nothing for longest leaves."""
        self._count += 1
        self._idle[guest] = None
        if self._count > self._most:
            next(iter(self._idle)).leave()

    def busy(self, guest: Guest) -> None:
        """Says that a connection has asked for something."""
        self._idle.pop(guest, None)

    def idle(self, guest: Guest) -> None:
        """Says that it has its answer."""
        self._idle[guest] = None

    def part(self, guest: Guest) -> None:
        """Forgets a connection that is closed."""
        self._count -= 1
        self._idle.pop(guest, None)


def most_connections(wanted: int) -> int:
    """Returns how many connections the process may have, after taking as many files as it is allowed.

    Args:
        wanted: How many it wants at most.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + _OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < files:
        soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - _OWN_FILES))
