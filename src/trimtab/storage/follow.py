"""A local directory that follows the objects below a URI, for readers of files that grow.

TensorBoard keeps a file open and reads on from where it was, so a file that grew grows here too; it is
replaced only when its beginning changed, as after a resumed training. TensorBoard could read ``gs://`` by
TensorFlow's own client, but that knows neither our retries, nor our checks, nor an emulator.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trimtab.storage import atomic
from trimtab.storage.objects.base import Entry
from trimtab.storage.objects.limits import DEFAULT, Limits
from trimtab.storage.objects.location import Location
from trimtab.storage.objects.store import inside
from trimtab.storage.parallel import in_parallel


class Follower:
    """Copies of objects, brought up to date by ``update``.

    Args:
        uri: What to follow.
        directory: An empty local directory.
        wanted: Which names below ``uri`` to follow.
        limits: How patient to be.

    Raises:
        ConfigError: If the URI is not ``SCHEME://BUCKET[/PREFIX]``.
    """

    def __init__(
        self, uri: str, directory: Path, wanted: Callable[[str], bool], limits: Limits = DEFAULT
    ) -> None:
        self._location, self._directory, self._wanted = Location.parse(uri), directory, wanted
        self._objects = self._location.objects(limits)
        self._seen: dict[str, Entry] = {}

    def update(self) -> int:
        """Fetches what changed, and removes what is gone.

        Returns:
            How many files there are.

        Raises:
            ConfigError: If the URI cannot be accessed.
            StorageError: If it cannot be reached.
            ArtifactError: If content arrives damaged again and again.
        """
        prefix = self._location.prefix
        listed = {e.name.removeprefix(prefix): e for e in self._objects.entries(prefix)}
        there = {name: entry for name, entry in listed.items() if self._wanted(name)}
        in_parallel(self._fetch, [name for name in there if there[name] != self._seen.get(name)])
        for name in self._seen.keys() - there.keys():
            (self._directory / name).unlink(missing_ok=True)
        self._seen = there
        return len(there)

    def _fetch(self, name: str) -> None:
        file = inside(self._directory, name, self._location.uri)
        stored = self._objects.read(self._location.prefix + name)
        if stored is None:
            return  # removed since it was listed
        old = file.read_bytes() if file.exists() else None
        if old is None or not stored[0].startswith(old):
            atomic.write_bytes(file, stored[0])
            return
        with file.open("ab") as handle:
            handle.write(stored[0][len(old) :])
