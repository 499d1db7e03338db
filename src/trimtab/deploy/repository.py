"""A versioned model repository: ``<target>/<version>/…`` and one pointer, ``champion.json``.

    <target>/3/            a ``deployment`` artifact: what serving needs
    <target>/training/3/   a ``training`` artifact: what retraining and exporting need
    <target>/champion.json the version that is served, and every move of this pointer
    <target>/versions.json the last number that was handed out
    <target>/ledger.json   how often which test rows have decided: see ``ledger``
    <target>/judged/       what came of challengers; it moves nothing, and may be removed

A version is written whole and never changed. Its number comes from a counter that is raised by
compare-and-swap, so that two deployments that race get different ones; a deployment that dies leaves a gap,
or a version that nothing points to, which it goes on with when it is started again, and never half of one.
The pointer moves by compare-and-swap too: of two that race, one wins and the other one learns that it lost.
Every load verifies every file's checksum.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from trimtab.deploy.moves import SCHEMA_VERSION, Champion
from trimtab.errors import ArtifactError, DeployError, NewerError
from trimtab.storage import artifact
from trimtab.storage.parallel import in_parallel
from trimtab.storage.store import open_store

CHAMPION_FILE, COUNTER_FILE, TRAINING, JUDGED = "champion.json", "versions.json", "training", "judged"
LEDGER_FILE = "ledger.json"
SCHEMA_FILE, METADATA_FILE = "schema.json", "metadata.json"


_Model = TypeVar("_Model", bound=BaseModel)


class _Counter(BaseModel):
    """``versions.json``: the last version that was handed out."""

    last: int = Field(ge=0)
    schema_version: int = Field(SCHEMA_VERSION, ge=1)


class _Written(BaseModel):
    """What every version of a file says of itself."""

    schema_version: int = SCHEMA_VERSION


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

    def versions(self) -> list[int]:
        """Returns the numbers of all whole versions, in order."""
        tops = {name.partition("/")[0] for name in self._store.names() if "/" in name}
        numbers = sorted(int(top) for top in tops if top.isdecimal())
        whole = in_parallel(self.has, numbers)
        return [number for number, is_whole in zip(numbers, whole, strict=True) if is_whole]

    def has(self, version: int) -> bool:
        """Returns whether a version is there as a whole; its files are verified when they are used."""
        return self._store.has_directory(str(version))

    def resolve(self, version: int | None) -> int:
        """Returns a version that someone asked for, or the champion's where none is asked for.

        Raises:
            DeployError: If there is no champion, or if the pointer is damaged.
        """
        if version is not None:
            return version
        champion = self.champion()
        if champion is None:
            raise self.nothing_deployed()
        return champion.version

    def nothing_deployed(self) -> DeployError:
        """Returns the error of a place where nothing is in service, such as a run's own directory."""
        hint = "name the repository that deploy.target has; a run's end prints it as 'Deployed model'"
        return DeployError("no model was deployed here", path=self.uri, hint=hint)

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
        if pointer is None:
            return None
        hint = "`trimtab promote TARGET VERSION` replaces it; `trimtab history TARGET` lists the versions."
        champion = _parse(Champion, pointer, f"{self.uri}/{CHAMPION_FILE}", hint)
        if not champion.is_whole:
            path = f"{self.uri}/{CHAMPION_FILE}"
            raise DeployError("the file is damaged: its parts contradict each other", path=path, hint=hint)
        return champion

    def metadata(self, version: int) -> bytes | None:
        """Returns the content of a version's ``metadata.json``, or None if it is missing.

        Raises:
            ArtifactError: If it is not what the version's manifest says, or if that is damaged.
        """
        content = self._store.read(f"{version}/{METADATA_FILE}")
        if content is None:
            return None
        manifest = self._store.read(f"{version}/{artifact.MANIFEST}")
        listed = artifact.parse(manifest, "deployment", self.location(version)).files.get(METADATA_FILE)
        if listed != artifact.FileEntry.of(content):
            path = f"{self.location(version)}/{METADATA_FILE}"
            raise ArtifactError("it is not what the manifest says: the file is damaged", path=path)
        return content

    def check_takes_versions(self) -> None:
        """Returns if a version can be added.

        Raises:
            ConfigError: If it cannot be accessed.
            DeployError: If the counter of versions is damaged.
            StorageError: If it cannot be written, or not be reached.
        """
        self._store.check_writable()
        self._last_version(self._store.read(COUNTER_FILE))

    def ledger(self) -> bytes | None:
        """Returns the content of ``ledger.json``, or None if nothing was decided yet."""
        return self._store.read(LEDGER_FILE)

    def parse_ledger(self, kind: type[_Model], content: bytes | None) -> _Model | None:
        """Returns what a ledger holds, or None if there is none.

        Raises:
            DeployError: If it is damaged.
        """
        hint = "Remove it: counting begins anew, and no proof knows of the decisions before."
        return None if content is None else _parse(kind, content, f"{self.uri}/{LEDGER_FILE}", hint)

    def swap_ledger(self, expected: bytes | None, ledger: BaseModel) -> bool:
        """Replaces the ledger, only if it still is what it was when it was read; returns whether it did."""
        return self._store.swap(LEDGER_FILE, expected, _content(ledger))

    def judged(self, name: str) -> bytes | None:
        """Returns what was remembered under a name, or None if there is nothing."""
        return self._store.read(f"{JUDGED}/{name}.json")

    def remember(self, name: str, content: bytes) -> None:
        """Remembers something that moves no pointer; who writes last, wins."""
        self._store.write(f"{JUDGED}/{name}.json", content)

    def add(self, directory: Path, training: Path | None = None) -> int:
        """Copies a ``deployment`` artifact in under a new version, which nothing points to yet.

        Args:
            directory: The deployment.
            training: Its ``training`` artifact; it is there before the deployment is.

        Returns:
            The version: larger than any one before.
        """
        version = self._next_version()
        if training is not None:
            self._store.put_directory(training, f"{TRAINING}/{version}")
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
            ArtifactError: If one of its files is missing, cut or changed, or if it is another version's.
        """
        with self._fetched(str(version), "deployment", f"there is no version {version}") as deployment:
            self._check_number(version, deployment.manifest)
            yield deployment

    def _check_number(self, version: int, manifest: artifact.Manifest) -> None:
        selection, expected = manifest.lineage.get("selection"), self._selection_of(version)
        if not selection or expected not in (None, selection):
            raise ArtifactError(
                "it is not what was deployed under this number"
                if selection
                else "the manifest is damaged: it names no selection",
                path=self.location(version),
                hint="Restore it, or `trimtab promote` another version.",
            )

    def _selection_of(self, version: int) -> str | None:
        """Returns the selection that a version must have; None where the pointer does not say."""
        try:
            champion = self.champion()
        except NewerError:
            raise
        except DeployError:
            return None  # who promotes a version replaces a damaged pointer
        return champion.selection_of(version) if champion else None

    @contextlib.contextmanager
    def training(self, version: int) -> Iterator[artifact.Artifact]:
        """Yields a verified local copy of what a version was trained from, for as long as the block lasts.

        Raises:
            DeployError: If there is no such version, or if nothing was stored of its training.
            ArtifactError: If one of its files is missing, cut or changed, or if it is another version's.
        """
        manifest = self._store.read(f"{version}/{artifact.MANIFEST}")
        if manifest is None:
            raise DeployError(f"there is no version {version}", path=self.uri)
        where = f"{self.location(version)}/{artifact.MANIFEST}"
        deployed = _parse(artifact.Manifest, manifest, where, "Deploy the model again.")
        self._check_number(version, deployed)
        if "training" not in deployed.lineage:
            raise DeployError(
                f"version {version} was not trained here: it came as a file of a runtime or as a SavedModel",
                path=self.uri,
                hint="What was brought is the model in floats; trimtab keeps no other.",
            )
        missing = f"nothing is stored of the training of version {version}"
        with self._fetched(f"{TRAINING}/{version}", "training", missing) as training:
            if deployed.lineage.get("training") != training.digest:
                path = f"{self.uri.rstrip('/')}/{TRAINING}/{version}"
                raise ArtifactError("it belongs to another deployment", path=path)
            yield training

    @contextlib.contextmanager
    def _fetched(self, name: str, kind: artifact.Kind, missing: str) -> Iterator[artifact.Artifact]:
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            copy = Path(temporary) / Path(name).name
            try:
                self._store.get_directory(name, copy)
            except FileNotFoundError as error:
                raise DeployError(missing, path=self.uri) from error
            try:
                verified = artifact.load(copy, kind)
            except ArtifactError as error:
                served = str(error.path).replace(str(copy), f"{self.uri.rstrip('/')}/{name}")
                raise ArtifactError(error.message, path=served, hint="Deploy the model again.") from error
            yield verified

    def _last_version(self, counter: bytes | None) -> int:
        hint = "Remove it: the next free number is found without it."
        path = f"{self.uri}/{COUNTER_FILE}"
        return 0 if counter is None else _parse(_Counter, counter, path, hint).last

    def _next_version(self) -> int:
        """Returns a number that nobody else gets; never one that is taken, even if the counter was lost."""
        while True:
            content = self._store.read(COUNTER_FILE)
            version = 1 + self._last_version(content)
            won = self._store.swap(COUNTER_FILE, content, _content(_Counter(last=version)))
            if won and not any(self._store.names(f"{place}{version}/") for place in ("", f"{TRAINING}/")):
                return version


def _content(model: BaseModel) -> bytes:
    return (model.model_dump_json(indent=2) + "\n").encode()


def _parse(kind: type[_Model], content: bytes, path: str, hint: str) -> _Model:
    _refuse_newer(content, path)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise DeployError(f"the file is damaged: {error.errors()[0]['msg']}", path=path, hint=hint) from error


def _refuse_newer(content: bytes, path: str) -> None:
    try:
        written = _Written.model_validate_json(content).schema_version
    except ValidationError:
        return  # it is damaged, which whoever reads it says
    if written > SCHEMA_VERSION:
        raise NewerError(
            f"a newer trimtab wrote it: schema version {written}, and this one reads {SCHEMA_VERSION}",
            path=path,
            hint="Use that trimtab here: this one leaves the file as it is.",
        )
