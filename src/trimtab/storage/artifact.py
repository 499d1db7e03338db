"""Artifacts: directories with a checksummed ``manifest.json``, written whole and verified when loaded."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

import trimtab
from trimtab.errors import ArtifactError
from trimtab.storage import atomic

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
Kind = Literal[
    "dataset",
    "hyperparameters",
    "model",
    "candidate",
    "evaluation",
    "shortlist",
    "selection",
    "deployment",
    "training",
    "champion",
    "comparison",
]


class FileEntry(BaseModel):
    """Size and checksum of one file of an artifact."""

    model_config = ConfigDict(extra="forbid")

    size_bytes: int
    sha256: str


class Manifest(BaseModel):
    """What an artifact is, what is in it, and where it came from."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    schema_version: int = SCHEMA_VERSION
    code_version: str = trimtab.__version__
    counts: dict[str, int] = {}
    lineage: dict[str, Any] = {}
    files: dict[str, FileEntry] = {}


@dataclass(frozen=True)
class Artifact:
    """A verified artifact."""

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
    lineage: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def create(path: str | Path, kind: Kind) -> Iterator[Draft]:
    """Yields a draft; when the block ends without an error, it becomes the artifact at ``path``.

    Args:
        path: The artifact's directory; an earlier one there is replaced.
        kind: What it is.

    Yields:
        The draft: fill ``draft.path`` with files, and set ``draft.counts`` and ``draft.lineage``.
    """
    with atomic.new_directory(Path(path)) as directory:
        draft = Draft(directory)
        yield draft
        manifest = Manifest(kind=kind, counts=draft.counts, lineage=draft.lineage, files=_entries(directory))
        (directory / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def load(path: str | Path, kind: Kind) -> Artifact:
    """Returns the artifact at ``path`` after verifying every file of it.

    Args:
        path: The artifact's directory.
        kind: What it must be.

    Raises:
        ArtifactError: If the manifest is missing or unreadable, if it is of another kind or version, or if a
            file is missing, too many, cut or changed.
    """
    directory = Path(path)
    manifest = _read_manifest(directory)
    if manifest.kind != kind:
        raise ArtifactError(f"expected a {kind} artifact, found a {manifest.kind}", path=str(directory))
    if manifest.schema_version != SCHEMA_VERSION:
        raise ArtifactError(
            f"expected schema version {SCHEMA_VERSION}, found {manifest.schema_version}",
            path=str(directory),
            hint="Run the stage that wrote it again with this version of trimtab.",
        )
    _verify(directory, manifest)
    return Artifact(directory, manifest)


def _read_manifest(directory: Path) -> Manifest:
    file = directory / MANIFEST
    if not file.is_file():
        raise ArtifactError(
            "no manifest.json: this is not a whole artifact", path=str(directory), hint="Run its stage again."
        )
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ArtifactError(f"the manifest is damaged: {error.errors()[0]['msg']}", path=str(file)) from error


def _verify(directory: Path, manifest: Manifest) -> None:
    present = {name for name in _names(directory) if name != MANIFEST}
    for name in sorted(set(manifest.files) | present):
        if name not in manifest.files:
            raise ArtifactError("a file that the manifest does not list", path=str(directory / name))
        if name not in present:
            raise ArtifactError("a file that the manifest lists is missing", path=str(directory / name))
        expected, found = manifest.files[name], _entry(directory / name)
        if found.size_bytes != expected.size_bytes:
            raise ArtifactError(
                f"expected {expected.size_bytes} bytes, found {found.size_bytes}", path=str(directory / name)
            )
        if found.sha256 != expected.sha256:
            raise ArtifactError(
                "its SHA-256 is not the manifest's: the file is damaged", path=str(directory / name)
            )


def _names(directory: Path) -> Iterator[str]:
    for file in directory.rglob("*"):
        if not file.is_dir():
            yield file.relative_to(directory).as_posix()


def _entries(directory: Path) -> dict[str, FileEntry]:
    return {name: _entry(directory / name) for name in sorted(_names(directory))}


def _entry(file: Path) -> FileEntry:
    with file.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return FileEntry(size_bytes=file.stat().st_size, sha256=digest)
