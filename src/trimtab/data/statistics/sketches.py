"""Small summaries of many values that merge: the same parts give the same sketch whoever made them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]
_HASH_BYTES = 4 << 20
_SHORT_BYTES = 32
NULL_HASH = np.uint64(0x9E3779B97F4A7C15)


def mix(values: Hashes) -> Hashes:
    """Returns well-spread hashes of 64-bit values (the finalizer of SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@lru_cache(maxsize=32)
def _weights(length: int) -> Hashes:
    return mix(np.arange(1, length + 1, dtype=np.uint64)) | np.uint64(1)


def hash_strings(strings: pa.StringArray) -> Hashes:
    """Returns a 64-bit hash of each string: its bytes times a random odd number per place, summed and mixed.

    It is for sketches only: it is fast and well spread, and makes no promise against somebody who builds
    collisions.

    Args:
        strings: Strings, none of them null.
    """
    count = len(strings)
    buffers = strings.buffers()
    offsets = np.frombuffer(buffers[1], np.int32, count + 1, strings.offset * 4).astype(np.int64)
    content = np.frombuffer(buffers[2] or b"", np.uint8)
    hashes = np.empty(count, np.uint64)
    begin = 0
    while begin < count:  # in blocks, so that long texts do not multiply in memory
        end = int(np.searchsorted(offsets, offsets[begin] + _HASH_BYTES, side="right")) - 1
        end = min(max(end, begin + 1), count)
        hashes[begin:end] = _hash_block(content, offsets[begin : end + 1])
        begin = end
    return hashes


def _hash_block(content: np.ndarray[Any, np.dtype[np.uint8]], offsets: Counts) -> Hashes:
    lengths = np.diff(offsets)
    if lengths.max(initial=0) <= _SHORT_BYTES:
        return _hash_short(content, offsets[:-1], lengths)
    data = content[offsets[0] : offsets[-1]].astype(np.uint64) + np.uint64(1)
    longest = 1 << int(lengths.max(initial=1)).bit_length()
    places = np.arange(len(data)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    sums = np.concatenate([[np.uint64(0)], np.cumsum(data * _weights(longest)[places], dtype=np.uint64)])
    ends = offsets - offsets[0]
    return mix((sums[ends[1:]] - sums[ends[:-1]]) ^ lengths.astype(np.uint64))


def _hash_short(content: np.ndarray[Any, np.dtype[np.uint8]], starts: Counts, lengths: Counts) -> Hashes:
    """Returns the hashes of ``_hash_block``: place by place of all strings, faster where all are short."""
    longest = int(lengths.max(initial=1))
    weights = _weights(1 << longest.bit_length())
    sums, rows = np.zeros(len(starts), np.uint64), np.arange(len(starts))
    for place in range(longest):
        rows = rows[lengths[rows] > place] if place >= lengths.min(initial=longest) else rows
        data = content[starts[rows] + place].astype(np.uint64) + np.uint64(1)
        sums[rows] += data * weights[place]
    return mix(sums ^ lengths.astype(np.uint64))


def hash_numbers(values: np.ndarray[Any, np.dtype[np.float64]]) -> Hashes:
    """Returns a 64-bit hash of each number."""
    return mix((values + 0.0).view(np.uint64) ^ NULL_HASH)  # + 0.0: minus zero is zero


@dataclass
class Distinct:
    """The values with the smallest hashes, and how often each occurs (a bottom-k sample, k minimum values).

    Every value that is kept has been kept since its first row, so its count is exact, and the sketch of a
    union is the sketch of the sketches. The number of different values follows from how small the k-th hash
    is (Bar-Yossef et al. 2002); its standard error is about ``1 / sqrt(k)``.

    Attributes:
        size: k; must be the same in sketches that are merged.
        hashes: Sorted.
        counts: Occurrences of each.
    """

    size: int
    hashes: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    counts: Counts = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, hashes: Hashes, counts: Counts, size: int) -> Distinct:
        """Returns the sketch of values given by hash; a hash may occur more than once."""
        order = np.argsort(hashes, kind="stable")
        hashes, counts = hashes[order], counts[order]
        is_new = np.ones(len(hashes), bool)
        np.not_equal(hashes[1:], hashes[:-1], out=is_new[1:])
        first = np.flatnonzero(is_new)
        totals = np.add.reduceat(counts, first) if len(first) < len(hashes) else counts
        return cls(size, hashes[first[:size]], totals[:size].astype(np.int64))

    @classmethod
    def of_different(cls, hashes: Hashes, counts: Counts, size: int) -> Distinct:
        """Returns the sketch of values given by hashes that are all different."""
        if len(hashes) > size:
            chosen = np.argpartition(hashes, size)[:size]
            hashes, counts = hashes[chosen], counts[chosen]
        order = np.argsort(hashes)
        return cls(size, hashes[order], counts[order])

    def merge(self, other: Distinct) -> Distinct:
        """Returns the sketch of both."""
        if not len(self.hashes) or not len(other.hashes):
            full = self if len(self.hashes) else other
            return Distinct(self.size, full.hashes[: self.size], full.counts[: self.size])
        return Distinct.of(
            np.concatenate([self.hashes, other.hashes]),
            np.concatenate([self.counts, other.counts]),
            self.size,
        )

    @property
    def exact(self) -> bool:
        """Returns whether every value is kept."""
        return len(self.hashes) < self.size

    @property
    def estimate(self) -> int:
        """Returns the number of different values: exact while smaller than k."""
        if self.exact:
            return len(self.hashes)
        return round((self.size - 1) / (float(self.hashes[-1]) / 2.0**64))

    @property
    def all_once(self) -> bool:
        """Returns whether no kept value occurs twice."""
        return bool(len(self.counts)) and int(self.counts.max()) == 1

    def to_dict(self) -> dict[str, Any]:
        """Returns the sketch as JSON values."""
        return {"size": self.size, "hashes": _encode(self.hashes), "counts": _encode(self.counts)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Distinct:
        """Returns the sketch that ``to_dict`` gave."""
        return cls(values["size"], _decode(values["hashes"], np.uint64), _decode(values["counts"], np.int64))


def _encode(array: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


def _decode(text: str, dtype: type[np.generic]) -> Any:
    return np.frombuffer(base64.b64decode(text), dtype).copy()


@dataclass
class Frequent:
    """The most frequent values with their counts (Misra and Gries 1982; merged as Agarwal et al. 2012).

    Counts are exact while no more than ``size`` different values were seen. After that each is too low by at
    most ``error``, and every value that occurs more often than ``error`` is there.
    """

    size: int
    counts: dict[str, int] = field(default_factory=dict)
    error: int = 0

    def add(self, values: Iterable[tuple[str, int]]) -> None:
        """Counts values."""
        counts = self.counts
        for value, count in values:
            counts[value] = counts.get(value, 0) + count
        if len(counts) > self.size:
            self._cut()

    def _cut(self) -> None:
        """Takes the largest count that has no place from every count: it and all smaller ones are gone."""
        least = sorted(self.counts.values(), reverse=True)[self.size]
        self.error += least
        self.counts = {value: count - least for value, count in self.counts.items() if count > least}

    def merge(self, other: Frequent) -> Frequent:
        """Returns the summary of both."""
        if not other.counts and not other.error:
            return self
        merged = Frequent(self.size, dict(self.counts), self.error + other.error)
        merged.add(other.counts.items())
        return merged

    def top(self, number: int | None = None) -> dict[str, int]:
        """Returns the values by falling count, then by name."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return dict(ordered[:number])
