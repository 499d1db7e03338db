"""A repository of which one version is served, whoever is the champion: for a trial before it is."""

from __future__ import annotations

from trimtab.deploy.moves import Champion
from trimtab.deploy.repository import Repository


class Pinned(Repository):
    """A repository as if one version were the champion for ever.

    Args:
        target: The URI of the repository.
        version: The version; the server waits for it where it is not there.
    """

    def __init__(self, target: str, version: int) -> None:
        super().__init__(target)
        self._pinned = Champion(version=version, previous=None, history=[]).model_dump_json().encode()

    def pointer(self) -> bytes | None:
        """See ``Repository.pointer``."""
        return self._pinned
