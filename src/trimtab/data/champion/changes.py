"""What has changed since the last time the sources were read: files, and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_KEPT, _MOST_NAMED = 100, 5


class Files(BaseModel):
    """Some files: how many, and the first of them by name."""

    count: int
    first: list[str] = Field(description=f"At most {_MOST_KEPT}, as `<split>/<name>`.")

    @classmethod
    def of(cls, names: Iterable[str]) -> Files:
        """Returns them, sorted."""
        ordered = sorted(names)
        return cls(count=len(ordered), first=ordered[:_MOST_KEPT])


class Changes(BaseModel):
    """What differs between the sources of two datasets."""

    added: Files = Field(description="Files that are new.")
    removed: Files = Field(description="Files that are gone.")
    changed: Files = Field(description="Files whose content is another.")
    rows_before: dict[str, int] = Field({}, description="Rows by split then; {} when not known.")
    rows_after: dict[str, int] = Field({}, description="Rows by split now; {} when not counted.")

    def words(self) -> list[str]:
        """Returns the changes as sentences without a full stop; none when nothing has changed."""
        verbs = {"new": self.added, "gone": self.removed, "changed": self.changed}
        sentences = [
            f"{files.count:,} {_plural('file', files.count)} {verb}: {_listed(files)}"
            for verb, files in verbs.items()
            if files.count
        ]
        return [*sentences, *self._rows()]

    def _rows(self) -> Iterator[str]:
        for split, after in self.rows_after.items():
            before = self.rows_before.get(split)
            if before is not None and before != after:
                more = f"{abs(after - before):,} {'more' if after > before else 'fewer'}"
                yield f"{split}: {after:,} {_plural('row', after)}, {more} than before"


def changes_between(
    sources_before: dict[str, dict[str, str]],
    sources_after: dict[str, dict[str, str]],
    rows_before: dict[str, int] | None = None,
    rows_after: dict[str, int] | None = None,
) -> Changes:
    """Returns what has changed.

    Args:
        sources_before: What ``trimtab.data.prepare.sources.checksums`` gave then.
        sources_after: What it gives now.
        rows_before: The rows of the content then, where they are known.
        rows_after: The rows of the content now, where they were counted.
    """
    before, after = _flat(sources_before), _flat(sources_after)
    return Changes(
        added=Files.of(after.keys() - before.keys()),
        removed=Files.of(before.keys() - after.keys()),
        changed=Files.of(name for name in before.keys() & after.keys() if before[name] != after[name]),
        rows_before=rows_before or {},
        rows_after=rows_after or {},
    )


def _flat(sources: dict[str, dict[str, str]]) -> dict[str, str]:
    return {f"{split}/{name}": value for split, files in sources.items() for name, value in files.items()}


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def _listed(files: Files) -> str:
    shown = ", ".join(files.first[:_MOST_NAMED])
    more = files.count - min(files.count, _MOST_NAMED)
    return f"{shown} and {more:,} more" if more else shown
