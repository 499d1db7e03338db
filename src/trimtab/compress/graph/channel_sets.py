"""Channels, and which of them can only be removed together (a union-find)."""

from __future__ import annotations

import numpy as np


class ChannelSets:
    """Every channel that a layer makes has a number; coupled channels share a set.

    Channels are coupled when they meet index by index, as in a residual sum. A set that is frozen must stay.
    """

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._reasons: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._parent)

    def new(self, count: int) -> np.ndarray:
        """Returns the numbers of ``count`` new channels, each in a set of its own."""
        first = len(self._parent)
        self._parent.extend(range(first, first + count))
        return np.arange(first, first + count)

    def couple(self, a: np.ndarray, b: np.ndarray) -> None:
        """Joins the sets of ``a[i]`` and ``b[i]`` for every ``i``."""
        for i, j in zip(a.tolist(), b.tolist(), strict=True):
            self._join(self._root(i), self._root(j))

    def freeze(self, channels: np.ndarray, reason: str, *, above_all: bool = False) -> None:
        """Makes the sets of these channels stay, and remembers the first reason, or the one above all."""
        for root in {self._root(i) for i in channels.tolist()}:
            self._reasons[root] = reason if above_all else self._reasons.get(root, reason)

    def roots(self, channels: np.ndarray | None = None) -> np.ndarray:
        """Returns the number that stands for the set of each channel; of all channels when None."""
        asked = range(len(self._parent)) if channels is None else channels.tolist()
        return np.array([self._root(i) for i in asked], np.int64)

    def reason(self, channel: int) -> str | None:
        """Returns why a channel must stay, or None when it may go."""
        return self._reasons.get(self._root(channel))

    def _root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def _join(self, a: int, b: int) -> None:
        if a == b:
            return
        self._parent[b] = a
        if b in self._reasons:
            self._reasons.setdefault(a, self._reasons.pop(b))
