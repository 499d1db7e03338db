"""The content store: every result that can be used again, under a key of all that it depends on.

    <output>/store/<kind>/<key>/     an artifact, with what the stage that made it found
    <run>/uses/<kind>/<key>          that a run uses it; see ``trimtab.artifacts.sweep``

A key is a digest of the question (the kind, the code's version, the part of the config that counts, the keys
of the inputs), so the same question finds the same answer: in another run, after a kill, on a cluster. It can
be asked before there is an answer, which no digest of content can. Tasks hand on references, ``kind/key``.

What is measured, and so differs each time (latencies, and what is chosen by them), each run keeps for itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from trimtab import progress
from trimtab.artifacts.code_version import code_version
from trimtab.errors import ArtifactError
from trimtab.storage.artifact import Artifact, Draft, Kind, Manifest
from trimtab.storage.artifacts import open_artifacts
from trimtab.storage.store import open_store

STORE, USES = "store", "uses"
_KEY_LENGTH = 32
_REFERENCE = re.compile(r"[a-z]+/[A-Za-z0-9][A-Za-z0-9._-]*")


def reference(kind: Kind, **question: Any) -> str:
    """Returns the reference of the answer to a question.

    Args:
        kind: What the answer is.
        question: All that it depends on, beside the code: values as JSON has them, and models.
    """
    asked = {"kind": kind, "code": code_version(), "question": question}
    content = json.dumps(asked, sort_keys=True, default=_plain)
    return f"{kind}/{hashlib.sha256(content.encode()).hexdigest()[:_KEY_LENGTH]}"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"no part of a question: {type(value).__name__}")


def output_of(run_uri: str) -> str:
    """Returns the URI of the directory that a run's directory is in."""
    before, slash, _ = run_uri.rstrip("/").rpartition("/")
    return before or slash or "."


class ContentStore:
    """The content store beside a run's directory.

    Args:
        run: The URI of the run's directory.

    Attributes:
        there: References of the entries that were found, opened or made so far.
    """

    def __init__(self, run_uri: str) -> None:
        self._run_objects, self._artifacts = (
            open_store(run_uri),
            open_artifacts(f"{output_of(run_uri)}/{STORE}"),
        )
        self._used: set[str] = set()
        self.there: set[str] = set()

    def find(self, ref: str, *, uses: bool = True) -> Manifest | None:
        """Returns what is known of an entry, or None if it is to be made; no file of it is read.

        Args:
            ref: The entry's reference.
            uses: Whether the run is going to use it, so that it is kept as long as the run needs it.
        """
        kind = _kind(ref)
        if uses:
            self.use(ref)
        try:
            manifest = self._artifacts.manifest(ref, kind)
            if manifest is not None:
                _check_is_of(ref, manifest)
        except ArtifactError as error:
            self._discard(ref, error)
            return None
        if uses and manifest is not None:
            self.there.add(ref)
        return manifest

    def open(self, ref: str, files: Sequence[str] | None = None) -> Artifact:
        """Returns an entry with a local path, where the files that are asked for are verified.

        One that is damaged is removed: whoever runs its stage again makes it anew.

        Args:
            ref: The entry's reference.
            files: Names, and directories with a slash at their end; None: all. Others may not be there.

        Raises:
            ArtifactError: If it is missing, or if such a file is missing, cut or changed.
        """
        kind = _kind(ref)
        self.use(ref)
        try:
            artifact = self._artifacts.open(ref, kind, files)
            _check_is_of(ref, artifact.manifest)
        except ArtifactError as error:
            self._discard(ref, error)
            error.hint = "Run this again: what was damaged is made anew."
            raise
        self.there.add(ref)
        return artifact

    @contextlib.contextmanager
    def create(self, ref: str) -> Iterator[Draft]:
        """Yields a draft, which becomes the entry when the block ends without an error.

        It appears whole or not at all. Of two that make the same, the first one's stays.
        """
        kind = _kind(ref)
        self.use(ref)
        with self._artifacts.create(ref, kind, replaces=False) as draft:
            draft.reference = ref
            yield draft
        self.there.add(ref)

    def put(self, kind: Kind, content: BaseModel) -> str:
        """Keeps a small answer that has no files, under a key of its content, and returns its reference."""
        ref = reference(kind, content=content)
        if self.find(ref) is None:
            with self.create(ref) as draft:
                draft.summary = content
        return ref

    def use(self, ref: str) -> None:
        """Leaves word that the run uses an entry, before it is looked for."""
        if ref not in self._used:
            self._run_objects.write(f"{USES}/{ref}", b"")
            self._used.add(ref)

    def _discard(self, ref: str, error: ArtifactError) -> None:
        progress.say("store", f"a damaged entry is removed: {error.describe().splitlines()[0]}")
        self.there.discard(ref)
        self._artifacts.remove(ref)


def _check_is_of(ref: str, manifest: Manifest) -> None:
    """Refuses the whole manifest of another entry: where that has no files, nothing else would tell."""
    if manifest.reference not in ("", ref):
        raise ArtifactError(f"the manifest is that of {manifest.reference}", path=ref)


def _kind(ref: str) -> Kind:
    if not _REFERENCE.fullmatch(ref):
        raise ArtifactError(f"expected a reference such as model/3f2a…, got {ref!r}")
    return ref.partition("/")[0]
