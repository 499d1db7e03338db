"""A versioned model repository: ``<target>/<version>/…`` and one pointer, ``champion.json``.

A version is written whole and never changed. Its number comes from a counter that is raised by
compare-and-swap, so that two deployments that race get different ones; a deployment that dies leaves a gap,
never a half version that something points to. The pointer moves by compare-and-swap too: of two that race,
one wins and the other one learns that it lost. Every load verifies every file's checksum.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from trimtab.errors import ArtifactError, DeployError
from trimtab.storage import artifact
from trimtab.storage.store import open_store

CHAMPION_FILE, COUNTER_FILE = "champion.json", "versions.json"
MODEL_FILE, SCHEMA_FILE, METADATA_FILE = "model.tflite", "schema.json", "metadata.json"


_Model = TypeVar("_Model", bound=BaseModel)


class Champion(BaseModel):
    """``champion.json``: the version that is served.

    Attributes:
        version: Its number.
        previous: The version that it replaced.
        selection: Checksum of the selection that it came from; a retried deployment knows itself by it.
        deployed_at: UTC, ISO 8601.
    """

    model_config = ConfigDict(extra="forbid")

    version: int
    previous: int | None
    selection: str
    deployed_at: str


class _Counter(BaseModel):
    """``versions.json``: the last version that was handed out."""

    model_config = ConfigDict(extra="forbid")

    last: int


class Repository:
    """The models deployed under one target."""

    def __init__(self, target: str) -> None:
        """Opens the repository at a URI; it may not exist yet.

        Raises:
            ConfigError: If the URI's scheme is not supported.
        """
        self._store = open_store(target)

    @property
    def uri(self) -> str:
        """Returns the URI of the repository."""
        return self._store.uri

    def location(self, version: int) -> str:
        """Returns the URI of a version."""
        return f"{self.uri.rstrip('/')}/{version}"

    def pointer(self) -> bytes | None:
        """Returns the content of ``champion.json``, or None if nothing was promoted yet."""
        return self._store.read(CHAMPION_FILE)

    def champion(self) -> Champion | None:
        """Returns the champion, or None if nothing was promoted yet.

        Raises:
            DeployError: If the pointer is damaged.
        """
        return self.parse(self.pointer())

    def parse(self, pointer: bytes | None) -> Champion | None:
        """Returns the champion that ``pointer`` names.

        Raises:
            DeployError: If the pointer is damaged.
        """
        return None if pointer is None else _parse(Champion, pointer, f"{self.uri}/{CHAMPION_FILE}")

    def add(self, directory: Path) -> int:
        """Copies a ``deployment`` artifact in under a new version, which nothing points to yet.

        Returns:
            The version: larger than any one before.
        """
        version = self._next_version()
        self._store.put_directory(directory, str(version))
        return version

    def promote(self, champion: Champion, expected: bytes | None) -> bool:
        """Moves the pointer, only if it still is what it was when it was read.

        Args:
            champion: What to point to.
            expected: What ``pointer()`` returned before.

        Returns:
            Whether the pointer moved; if not, another deployment was faster.
        """
        return self._store.swap(CHAMPION_FILE, expected, _content(champion))

    @contextlib.contextmanager
    def fetched(self, version: int) -> Iterator[artifact.Artifact]:
        """Yields a verified local copy of a version for as long as the block lasts.

        Raises:
            DeployError: If there is no such version.
            ArtifactError: If one of its files is missing, cut or changed.
        """
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            copy = Path(temporary) / str(version)
            try:
                self._store.get_directory(str(version), copy)
            except FileNotFoundError as error:
                raise DeployError(f"there is no version {version}", path=self.uri) from error
            try:
                found = artifact.load(copy, "deployment")
            except ArtifactError as error:
                served = str(error.path).replace(str(copy), self.location(version))
                raise ArtifactError(error.message, path=served, hint="Deploy the model again.") from error
            yield found

    def _next_version(self) -> int:
        """Returns a number that nobody else gets; never one that is taken, even if the counter was lost."""
        while True:
            content = self._store.read(COUNTER_FILE)
            version = 1 + (_parse(_Counter, content, f"{self.uri}/{COUNTER_FILE}").last if content else 0)
            won = self._store.swap(COUNTER_FILE, content, _content(_Counter(last=version)))
            if won and not self._store.names(f"{version}/"):
                return version


def _content(model: BaseModel) -> bytes:
    return (model.model_dump_json(indent=2) + "\n").encode()


def _parse(kind: type[_Model], content: bytes, path: str) -> _Model:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise DeployError(f"the file is damaged ({error.error_count()} errors)", path=path) from error
