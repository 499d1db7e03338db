"""Encoded files, such as images and sound clips, known by their headers alone."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.config.data_limits import DEFAULT, DataLimits
from trimtab.registry import INPUTS, module
from trimtab.tasks.masks import COLUMN

_MAX_NAMED = 10
_LOOKED_AT = 4
_FOLDER = {"label", "path"}


@dataclass(frozen=True)
class FileKind:
    """What is known of the files of a kind of input.

    Attributes:
        endings: Lower-case endings that they have.
        media_type: What requests call them, such as ``image/``.
        look: Returns what a file counts as, by aspect, as far as its header tells; None: it is none of these,
            damaged, or beyond a limit.
        measures: What only decoding shows, by aspect: a whole number, or None where it cannot be decoded.
        values: Returns how many values a file is decoded into, as its header says, and 0 where that cannot
            be read; None: nobody needs to know.
        limits: Those of ``data.limits`` that they may exceed, by name.
        remarks: What to warn of where more than half of the measured files have an aspect, by aspect.
    """

    endings: tuple[str, ...]
    media_type: str
    look: Callable[[bytes, DataLimits], Mapping[str, str] | None]
    measures: Mapping[str, Callable[[bytes], int | None]]
    values: Callable[[bytes], int] | None = None
    limits: tuple[str, ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FileCounts:
    """The readable files of one kind.

    Attributes:
        files: How many.
        counts: How many have each value, by aspect. What is measured is so of one file in four, chosen by its
            content: decoding costs as much as encoding.
    """

    files: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def count(self, aspect: str, value: str) -> None:
        """Counts a value."""
        values = self.counts.setdefault(aspect, {})
        values[value] = values.get(value, 0) + 1

    def merge(self, other: FileCounts) -> FileCounts:
        """Returns the counts of both."""
        aspects = {**self.counts, **other.counts}
        counts = {name: _sum(self.counts.get(name, {}), other.counts.get(name, {})) for name in aspects}
        return FileCounts(self.files + other.files, counts)


@dataclass
class MediaSummary:
    """Encoded files of one column.

    Attributes:
        kinds: The readable ones, by kind of input.
        unreadable: Files that are of none.
        unreadable_items: The first few of them: (row among the summarized ones, name or an empty string).
    """

    kinds: dict[str, FileCounts] = field(default_factory=dict)
    unreadable: int = 0
    unreadable_items: list[tuple[int, str]] = field(default_factory=list)

    def files(self, kind: str) -> int:
        """Returns how many files are readable ones of a kind."""
        return self.kinds[kind].files if kind in self.kinds else 0

    def counts(self, kind: str, aspect: str) -> dict[str, int]:
        """Returns how many files of a kind have each value."""
        return self.kinds[kind].counts.get(aspect, {}) if kind in self.kinds else {}

    def remarks(self, kind: str) -> list[str]:
        """Returns what to warn of; see ``FileKind``."""
        known = file_kinds()[kind]
        shares = {name: sum(self.counts(kind, name).values()) for name in known.measures}
        measured = max(shares.values(), default=0)
        return [text for name, text in known.remarks.items() if 2 * shares[name] > measured]

    @property
    def kind(self) -> str:
        """Returns the kind that most files are; the first one where none is readable."""
        return max(file_kinds(), key=self.files)

    def add(self, row: int, content: bytes | None, name: str, limits: DataLimits = DEFAULT) -> None:
        """Counts one encoded file."""
        for kind, known in file_kinds().items() if content else ():
            assert content is not None
            if (values := known.look(content, limits)) is not None:
                self._count(self.kinds.setdefault(kind, FileCounts()), known, values, content)
                return
        self.unreadable += 1
        if len(self.unreadable_items) < _MAX_NAMED:
            self.unreadable_items.append((row, name))

    def _count(self, counts: FileCounts, known: FileKind, values: Mapping[str, str], content: bytes) -> None:
        counts.files += 1
        for aspect, value in values.items():
            counts.count(aspect, value)
        if zlib.crc32(content) % _LOOKED_AT == 0:
            for aspect, measure in known.measures.items():
                if (measured := measure(content)) is not None:
                    counts.count(aspect, str(measured))

    def merge(self, other: MediaSummary, rows: int) -> MediaSummary:
        """Returns the summary of both.

        Args:
            other: The summary of the rows that follow.
            rows: How many rows this summary is of.
        """
        if not (other.kinds or other.unreadable):
            return self
        later = [(row + rows, name) for row, name in other.unreadable_items]
        nothing = FileCounts()
        return MediaSummary(
            {
                kind: self.kinds.get(kind, nothing).merge(other.kinds.get(kind, nothing))
                for kind in {**self.kinds, **other.kinds}
            },
            self.unreadable + other.unreadable,
            (self.unreadable_items + later)[:_MAX_NAMED],
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MediaSummary:
        """Returns the summary whose fields ``dataclasses.asdict`` gave, or those that there were before."""
        items = [(int(row), str(name)) for row, name in values["unreadable_items"]]
        kinds = values["kinds"] if "kinds" in values else dict(_before_kinds(values))
        return cls(
            {kind: FileCounts(**counts) for kind, counts in kinds.items()}, values["unreadable"], items
        )


def file_kinds() -> dict[str, FileKind]:
    """Returns the kinds of input whose column holds encoded files, by name."""
    files = {name: module(INPUTS, name).INPUT.files for name in INPUTS}
    return {name: known for name, known in files.items() if known is not None}


def is_of_folder(names: Iterable[str]) -> bool:
    """Returns whether columns are what readers of class folders give: a file, its label and its path."""
    columns = set(names) - {COLUMN}
    return (
        len(columns) == len(_FOLDER) + 1 and columns > _FOLDER and not file_kinds().keys().isdisjoint(columns)
    )


_BEFORE_KINDS = {
    "image": ("images", "sizes", "modes", "brightness"),
    "audio": ("clips", "rates", "durations", "loudness"),
}
"""The fields that summaries had for images and clips, before each kind had counts of its own."""


def _before_kinds(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        kind: {"files": values[files], "counts": {name: values[name] for name in aspects if values[name]}}
        for kind, (files, *aspects) in _BEFORE_KINDS.items()
        if values[files]
    }


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    merged = dict(one)
    for value, count in other.items():
        merged[value] = merged.get(value, 0) + count
    return merged
