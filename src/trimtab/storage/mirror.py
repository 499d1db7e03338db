"""A local directory that is published to a URI: for checkpoints, and for the logs that TensorBoard follows.

Frameworks append to files and rename them, which an object store cannot do, so they write to local files and
whole objects follow. A file that grew is sent again whole, although Cloud Storage could append (by composing
the object with its new tail): one request is atomic and leaves nothing behind when it is cut, composing is
three, and event files are small (scalars: a few hundred bytes a step). TensorBoard reads on from the byte it
has reached; what is before it stays the same.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from trimtab import preemption, progress
from trimtab.errors import ArtifactError, StorageError, TrimtabError
from trimtab.storage.objects.base import Entry, Objects, generation_of
from trimtab.storage.objects.limits import DEFAULT, Limits
from trimtab.storage.objects.location import Location, is_remote
from trimtab.storage.objects.store import inside
from trimtab.storage.parallel import in_parallel

_BACKGROUND_SECONDS = 10.0
_TRIES = 3
_Stamp = tuple[int, int, int]


class Mirror:
    """A working directory; of a local URI, the directory itself.

    Attributes:
        uri: What it is published to.
        directory: The local directory.
    """

    def __init__(self, uri: str, directory: Path) -> None:
        self.uri, self.directory = uri, directory

    def sync(self, within_seconds: float | None = None) -> None:
        """Publishes every file that changed, then removes the objects of files that were removed.

        When it returns, the directory as it was when it was called is at the URI. Every file arrives whole or
        not at all; hidden files (of writes that are not finished) stay here.

        Args:
            within_seconds: Gives up retrying after this long, instead of the usual two minutes.

        Raises:
            ConfigError: If the URI cannot be accessed.
            StorageError: If it cannot be reached, or something else writes there.
        """


class _RemoteMirror(Mirror):
    """A temporary directory, published to an object store."""

    def __init__(self, uri: str, directory: Path, limits: Limits) -> None:
        super().__init__(uri, directory)
        self._location, self._limits = Location.parse(uri), limits
        self._published: dict[str, Entry] = {}
        self._stamps: dict[str, _Stamp] = {}
        self._one_at_a_time = threading.Lock()

    def restore(self) -> None:
        """Fetches what is there; again, if a pod that was thought dead wrote on meanwhile."""
        objects = self._location.objects(self._limits)
        self._published = self._list(objects)
        for tries_left in reversed(range(_TRIES)):
            pairs = [(entry, inside(self.directory, n, self.uri)) for n, entry in self._published.items()]
            try:
                in_parallel(lambda pair: objects.download(*pair), pairs)
                break
            except ArtifactError:
                before, self._published = self._published, self._list(objects)
                if self._published == before or not tries_left:
                    raise
                for name in before.keys() - self._published.keys():
                    (self.directory / name).unlink(missing_ok=True)
        self._stamps = self._scan()

    def _list(self, objects: Objects) -> dict[str, Entry]:
        """Returns the objects that are there by the names of their files."""
        there = {
            entry.name.removeprefix(self._location.prefix): entry
            for entry in objects.entries(self._location.prefix)
        }
        return {name: entry for name, entry in there.items() if name[-1:] != "/" and _visible(name)}

    def sync(self, within_seconds: float | None = None) -> None:
        """See ``Mirror``."""
        with self._alone(within_seconds):
            limits = self._limits if within_seconds is None else self._limits.within(within_seconds)
            objects = self._location.objects(limits)
            stamps = self._scan()
            changed = [name for name, stamp in stamps.items() if self._stamps.get(name) != stamp]
            in_parallel(lambda name: self._publish(objects, name, stamps[name]), changed)
            removed = [name for name in self._published if name not in stamps]
            in_parallel(lambda name: self._remove(objects, name), removed)

    @contextlib.contextmanager
    def _alone(self, within_seconds: float | None) -> Iterator[None]:
        """Waits for the background's turn to end."""
        if not self._one_at_a_time.acquire(timeout=-1 if within_seconds is None else within_seconds):
            raise StorageError(f"publishing did not end within {within_seconds} s", path=self.uri)
        try:
            yield
        finally:
            self._one_at_a_time.release()

    def _publish(self, objects: Objects, name: str, stamp: _Stamp) -> None:
        old, full = self._published.get(name), self._location.prefix + name
        try:
            entry = objects.upload(full, self.directory / name, generation_of(old))
        except FileNotFoundError:
            return  # removed since the scan
        if entry is None:
            # A pod that was thought dead, or a retried step whose predecessor wrote on: the newest writer
            # goes on.
            entry = objects.upload(full, self.directory / name, generation_of(objects.find(full)))
        if entry is None:
            raise StorageError("something else writes this object at the same time", path=objects.uri(full))
        self._published[name], self._stamps[name] = entry, stamp

    def _remove(self, objects: Objects, name: str) -> None:
        objects.delete(self._location.prefix + name, self._published[name].generation)
        del self._published[name]
        self._stamps.pop(name, None)

    def _scan(self) -> dict[str, _Stamp]:
        """Returns what tells a changed file from the one that was published, by name."""
        stamps = {}
        for file in sorted(self.directory.rglob("*")):
            name = file.relative_to(self.directory).as_posix()
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                if file.is_file() and _visible(name):
                    stat = file.stat()
                    stamps[name] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        return stamps


@contextlib.contextmanager
def mirror(uri: str, *, every_seconds: float | None = None, limits: Limits = DEFAULT) -> Iterator[Mirror]:
    """Yields a local directory that holds what is at a URI, and whose changes are published there.

    ``mirror.sync()`` publishes at once; so does the end of the block, also when the block fails.

    Args:
        uri: A local path, which is then the directory itself, created when missing; or that of an
            object store.
        every_seconds: Publish in the background too, this often; at least 1, as Cloud Storage takes one write
            a second of an object. What fails then is tried again the next
            time.
        limits: How patient to be.

    Yields:
        The mirror.

    Raises:
        ConfigError: If the URI cannot be accessed.
        StorageError: If it cannot be reached.
        ArtifactError: If what is there arrives damaged again and again.
    """
    if not is_remote(uri):
        Path(uri).mkdir(parents=True, exist_ok=True)
        yield Mirror(uri, Path(uri))
        return
    with tempfile.TemporaryDirectory(prefix="trimtab-", ignore_cleanup_errors=True) as temporary:
        remote = _RemoteMirror(uri, Path(temporary), limits)
        remote.restore()
        try:
            with _background(remote, every_seconds):
                yield remote
        except BaseException:
            with contextlib.suppress(TrimtabError):  # what failed in the block matters more
                remote.sync(preemption.seconds_left())
            raise
        remote.sync()


@contextlib.contextmanager
def _background(remote: Mirror, every_seconds: float | None) -> Iterator[None]:
    """Publishes in a thread while the block runs."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(every_seconds):
            try:
                remote.sync(within_seconds=_BACKGROUND_SECONDS)
            except TrimtabError as error:
                progress.say("mirror", f"publishing goes on later: {error}")

    thread = threading.Thread(target=run, name="mirror", daemon=True)
    if every_seconds is not None:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if every_seconds is not None:
            thread.join()


def _visible(name: str) -> bool:
    """Returns whether a name has no hidden part: those are of writes that are not finished."""
    return not any(part.startswith(".") for part in name.split("/"))
