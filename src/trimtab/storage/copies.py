"""Local copies for the time of some work, whose errors name the URIs that the user gave."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trimtab.errors import TrimtabError
from trimtab.storage import cache, files
from trimtab.storage.objects.location import is_remote


class Copies:
    """The local copies that some work reads."""

    def __init__(self) -> None:
        self._copies: list[files.LocalCopy] = []

    def local(self, source: str) -> str:
        """Returns a local path that means the same as a source: a local path as it is, else that of a copy.

        Raises:
            TrimtabError: As ``files.fetched`` does.
        """
        if not is_remote(source):
            return source
        self._copies.append(files.fetched(source, cache.directory()))
        return self._copies[-1].path

    def original(self, text: str) -> str:
        """Returns a text with URIs where it names files of the copies."""
        for copy in self._copies:
            text = text.replace(str(copy.directory), copy.uri)
        return text


@contextlib.contextmanager
def local_copies() -> Iterator[Copies]:
    """Yields the copies of the block's sources; its typed errors name the sources, not the copies."""
    copies = Copies()
    try:
        yield copies
    except TrimtabError as error:
        error.message = copies.original(error.message)
        error.path = copies.original(error.path) if error.path else error.path
        error.field = copies.original(error.field) if error.field else error.field
        error.hint = copies.original(error.hint) if error.hint else error.hint
        error.args = (error.describe(),)
        raise
