"""Artifacts: directories with a checksummed ``manifest.json``, written whole and verified when loaded.

A reader verifies what it asks for: of a large artifact, a few files. It leaves alone what it does not know of
a manifest, so that an older trimtab reads what a newer one wrote, as long as the schema version is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

import trimtab
from trimtab.errors import ArtifactError
from trimtab.storage import atomic
from trimtab.storage.parallel import in_parallel
from trimtab.storage.sealed import Sealed

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
Kind = str
"""What an artifact is: the name of its module in ``trimtab.artifacts``."""


class FileEntry(BaseModel):
    """Size and checksum of one file of an artifact."""

    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> FileEntry:
        """Returns what a manifest says of a file with this content."""
        return cls(size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


class Manifest(Sealed):
    """What an artifact is, what is in it, and where it came from.

    Attributes:
        lineage: What it was made from, as its kind writes it.
        summary: What the stage that made it found, for the report.
        upload: In Cloud Storage, the directory that its files are in, below its own.
        reference: In a content store, that of the entry; empty elsewhere, and in what earlier versions wrote.
    """

    kind: Kind
    schema_version: int = SCHEMA_VERSION
    code_version: str = trimtab.__version__
    counts: dict[str, int] = {}
    lineage: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    files: dict[str, FileEntry] = {}
    upload: str = ""
    reference: str = ""

    def wanted(self, files: Sequence[str] | None) -> list[str]:
        """Returns the names of the files that a reader asks for.

        Args:
            files: Names, and directories with a slash at their end; None: all.
        """
        if files is None:
            return list(self.files)
        whole = tuple(name for name in files if name.endswith("/"))
        return [name for name in self.files if name in files or name.startswith(whole)]


@dataclass(frozen=True)
class Artifact:
    """An artifact, of which the files that were asked for are verified."""

    path: Path
    manifest: Manifest

    @property
    def lineage(self) -> dict[str, Any]:
        """Returns what the artifact was made from."""
        return self.manifest.lineage

    @property
    def digest(self) -> str:
        """Returns one checksum over the names and checksums of all files."""
        lines = (f"{name} {entry.sha256}\n" for name, entry in sorted(self.manifest.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass
class Draft:
    """An artifact that is being written."""

    path: Path
    counts: dict[str, int] = field(default_factory=dict)
    lineage: Mapping[str, Any] | BaseModel = field(default_factory=dict)
    summary: BaseModel | None = None
    reference: str = ""

    def manifest(self, kind: Kind) -> Manifest:
        """Returns the manifest of what is there now."""
        return Manifest(
            kind=kind,
            counts=self.counts,
            lineage=_plain(self.lineage),
            summary=_plain(self.summary or {}),
            files=_entries(self.path),
            reference=self.reference,
        )


def _plain(content: Mapping[str, Any] | BaseModel) -> dict[str, Any]:
    return content.model_dump(mode="json") if isinstance(content, BaseModel) else dict(content)


@contextlib.contextmanager
def create(path: str | Path, kind: Kind, *, replaces: bool = True) -> Iterator[Draft]:
    """Yields a draft; when the block ends without an error, it becomes the artifact at ``path``.

    Args:
        path: The artifact's directory.
        kind: What it is.
        replaces: Whether it replaces an earlier one there; else the first one stays.

    Yields:
        The draft: fill ``draft.path`` with files, and set ``draft.counts`` and ``draft.lineage``.
    """
    with atomic.new_directory(Path(path), replaces=replaces) as directory:
        draft = Draft(directory)
        yield draft
        manifest = draft.manifest(kind)
        (directory / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def load(path: str | Path, kind: Kind, files: Sequence[str] | None = None) -> Artifact:
    """Returns the artifact at ``path`` after verifying its files.

    Args:
        path: The artifact's directory.
        kind: What it must be.
        files: The names of the files to be read, and directories with a slash at their end; None: all.

    Raises:
        ArtifactError: If the manifest is missing or unreadable, if it is of another kind or version, or if a
            file is missing, too many, cut or changed.
    """
    directory = Path(path)
    content = (directory / MANIFEST).read_bytes() if (directory / MANIFEST).is_file() else None
    manifest = parse(content, kind, str(directory))
    if files is None:
        _refuse_others(directory, manifest)
    in_parallel(lambda name: verify(directory / name, manifest.files[name]), manifest.wanted(files))
    return Artifact(directory, manifest)


def parse(content: bytes | None, kind: Kind, path: str) -> Manifest:
    """Returns a manifest.

    Args:
        content: Of ``manifest.json``; None: there is none.
        kind: What the artifact must be.
        path: Where it is, for messages.

    Raises:
        ArtifactError: If it is missing, damaged, or of another kind or version.
    """
    if content is None:
        raise ArtifactError(
            "no manifest.json: this is not a whole artifact", path=path, hint="Run its stage again."
        )
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        where = f"{path}/{MANIFEST}"
        raise ArtifactError(f"the manifest is damaged: {_said(error)}", path=where) from error
    if manifest.kind != kind:
        raise ArtifactError(f"expected a {kind} artifact, found a {manifest.kind}", path=f"{path}/{MANIFEST}")
    if manifest.schema_version != SCHEMA_VERSION:
        raise ArtifactError(
            f"expected schema version {SCHEMA_VERSION}, found {manifest.schema_version}",
            path=path,
            hint="Another version of trimtab wrote it: read it with that one, or run its stage again here.",
        )
    return manifest


def _said(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _refuse_others(directory: Path, manifest: Manifest) -> None:
    others = sorted(set(_names(directory)) - set(manifest.files) - {MANIFEST})
    if others:
        raise ArtifactError("a file that the manifest does not list", path=str(directory / others[0]))


def verify(file: Path, expected: FileEntry) -> None:
    """Returns if a file is what the manifest says.

    Raises:
        ArtifactError: If it is missing, cut or changed.
    """
    if not file.is_file():
        raise ArtifactError("a file that the manifest lists is missing", path=str(file))
    if (size := file.stat().st_size) != expected.size_bytes:
        raise ArtifactError(f"expected {expected.size_bytes} bytes, found {size}", path=str(file))
    if _entry(file).sha256 != expected.sha256:
        raise ArtifactError("its SHA-256 is not the manifest's: the file is damaged", path=str(file))


def _names(directory: Path) -> Iterator[str]:
    for file in directory.rglob("*"):
        if not file.is_dir():
            yield file.relative_to(directory).as_posix()


def _entries(directory: Path) -> dict[str, FileEntry]:
    names = sorted(_names(directory))
    return dict(zip(names, in_parallel(lambda name: _entry(directory / name), names), strict=True))


def _entry(file: Path) -> FileEntry:
    with file.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return FileEntry(size_bytes=file.stat().st_size, sha256=digest)
