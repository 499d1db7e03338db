"""Artifacts by name below a URI: local directories, or objects in Cloud Storage with verified local copies.

Of an artifact in Cloud Storage, ``manifest.json`` is written last and decides: its files are in a directory
that nobody else writes to, which it names. So of two writers the first one wins, and a reader gets what one
of them wrote. Readers fetch the files that they ask for alone, into this machine's cache, and verify them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from trimtab.errors import ArtifactError
from trimtab.os_errors import typed_os_errors
from trimtab.storage import artifact, atomic, cache
from trimtab.storage.artifact import MANIFEST, Artifact, Draft, FileEntry, Kind, Manifest
from trimtab.storage.objects.location import is_remote
from trimtab.storage.objects.store import inside
from trimtab.storage.parallel import in_parallel
from trimtab.storage.store import LocalStore, Store, open_store

_ID_LENGTH = 12


class Artifacts(Protocol):
    """Artifacts by name below one URI; names use ``/``."""

    store: Store

    def manifest(self, name: str, kind: Kind) -> Manifest | None:
        """Returns what an artifact is, or None where there is none; no file of it is read.

        Raises:
            ArtifactError: If it is damaged, or of another kind or version.
        """

    def open(self, name: str, kind: Kind, files: Sequence[str] | None = None) -> Artifact:
        """Returns an artifact with a local path, where the files that are asked for are verified.

        Args:
            name: The artifact's name.
            kind: What it must be.
            files: As for ``artifact.load``; the others may be missing at the path.

        Raises:
            ArtifactError: If it is missing, or if such a file is missing, cut or changed.
        """

    def create(
        self, name: str, kind: Kind, *, replaces: bool = True
    ) -> contextlib.AbstractContextManager[Draft]:
        """Yields a draft, which becomes the artifact when the block ends without an error.

        Args:
            name: The artifact's name.
            kind: What it is.
            replaces: Whether it replaces an earlier one; else the first one stays.
        """

    def remove(self, name: str) -> None:
        """Removes an artifact, if it is there."""


class LocalArtifacts:
    """Artifacts in a directory of this machine, or of a volume."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.store: Store = LocalStore(self._root)

    def manifest(self, name: str, kind: Kind) -> Manifest | None:
        """See ``Artifacts``."""
        content = self.store.read(f"{name}/{MANIFEST}")
        return None if content is None else artifact.parse(content, kind, str(self._root / name))

    def open(self, name: str, kind: Kind, files: Sequence[str] | None = None) -> Artifact:
        """See ``Artifacts``."""
        return artifact.load(self._root / name, kind, files)

    @contextlib.contextmanager
    def create(self, name: str, kind: Kind, *, replaces: bool = True) -> Iterator[Draft]:
        """See ``Artifacts``."""
        with artifact.create(self._root / name, kind, replaces=replaces) as draft:
            yield draft

    def remove(self, name: str) -> None:
        """See ``Artifacts``."""
        self.store.remove_directory(name)


class RemoteArtifacts:
    """Artifacts in Cloud Storage."""

    def __init__(self, uri: str) -> None:
        self._uri, self.store = uri.rstrip("/"), open_store(uri)
        self._cache = cache.directory() / "artifacts" / hashlib.sha256(self._uri.encode()).hexdigest()[:32]

    def manifest(self, name: str, kind: Kind) -> Manifest | None:
        """See ``Artifacts``."""
        content = self.store.read(f"{name}/{MANIFEST}")
        return None if content is None else artifact.parse(content, kind, f"{self._uri}/{name}")

    def open(self, name: str, kind: Kind, files: Sequence[str] | None = None) -> Artifact:
        """See ``Artifacts``."""
        manifest = self.manifest(name, kind)
        if manifest is None:
            raise ArtifactError("there is no such artifact", path=f"{self._uri}/{name}")
        directory = self._cache / name / manifest.upload
        with typed_os_errors(self._cache):
            directory.mkdir(parents=True, exist_ok=True)
            in_parallel(lambda file: self._fetch(name, manifest, directory, file), manifest.wanted(files))
        return Artifact(directory, manifest)

    def _fetch(self, name: str, manifest: Manifest, directory: Path, file: str) -> None:
        """Makes sure that the cache has a file as the manifest says."""
        where, expected = f"{name}/{manifest.upload}/{file}", manifest.files[file]
        target = inside(directory, file, f"{self._uri}/{where}")
        if _is_intact(target, expected):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{target.name}.", suffix=atomic.PART, dir=target.parent)
        os.close(handle)
        try:
            self.store.fetch(where, Path(part))
            artifact.verify(Path(part), expected)
            Path(part).replace(target)
        except (FileNotFoundError, ArtifactError) as error:
            what = error.message if isinstance(error, ArtifactError) else "it is missing"
            raise ArtifactError(what, path=f"{self._uri}/{where}") from error
        finally:
            Path(part).unlink(missing_ok=True)

    @contextlib.contextmanager
    def create(self, name: str, kind: Kind, *, replaces: bool = True) -> Iterator[Draft]:
        """See ``Artifacts``."""
        upload = uuid.uuid4().hex[:_ID_LENGTH]
        with tempfile.TemporaryDirectory(prefix="trimtab-", ignore_cleanup_errors=True) as temporary:
            draft = Draft(Path(temporary))
            yield draft
            manifest = draft.manifest(kind).model_copy(update={"upload": upload})
            self.store.put_directory(draft.path, f"{name}/{upload}")
        content = (manifest.model_dump_json(indent=2) + "\n").encode()
        before = self.store.read(f"{name}/{MANIFEST}") if replaces else None
        if self.store.swap(f"{name}/{MANIFEST}", before, content):
            self._forget(name, kind, before)
        else:
            self.store.remove_directory(f"{name}/{upload}")

    def _forget(self, name: str, kind: Kind, before: bytes | None) -> None:
        """Removes the files that a manifest which was replaced named."""
        with contextlib.suppress(ArtifactError):
            if before is not None:
                replaced = artifact.parse(before, kind, name)
                self.store.remove_directory(f"{name}/{replaced.upload}")

    def remove(self, name: str) -> None:
        """See ``Artifacts``."""
        self.store.remove_directory(name)


def _is_intact(file: Path, expected: FileEntry) -> bool:
    try:
        artifact.verify(file, expected)
    except ArtifactError:
        return False
    return True


def open_artifacts(uri: str) -> Artifacts:
    """Returns the artifacts at a URI.

    Args:
        uri: A local path, or ``gs://BUCKET[/PREFIX]``.

    Raises:
        ConfigError: If the URI's scheme is not supported.
    """
    if is_remote(uri) or "://" in uri:
        return RemoteArtifacts(uri)
    return LocalArtifacts(Path(uri))
