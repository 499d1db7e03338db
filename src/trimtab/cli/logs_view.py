"""One directory of the logs of many runs, wherever they are, as TensorBoard is to show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trimtab.storage.follow import Follower
from trimtab.storage.objects.location import is_remote

_LOGS = "tensorboard"


class LogsView:
    """A directory of the logs that are served, each run's under its id.

    Args:
        temporary: An empty directory.
        asked: The URIs of the runs' directories; none: all are served.
        output: The URI of the directory that runs are in.
    """

    def __init__(self, temporary: Path, asked: Sequence[str], output: str) -> None:
        self.directory, self._asked, self._output = temporary / "runs", asked, output
        self.directory.mkdir()
        self._followers: list[Follower] = []
        self._places = [
            (uri, self._local(uri, temporary / f"copy-{place}"))
            for place, uri in enumerate(asked or [output])
        ]
        self._names: dict[Path, str] = {}

    def _local(self, uri: str, copy: Path) -> Path:
        """Returns the local directory of a URI: itself, or one that follows it."""
        if not is_remote(uri):
            return Path(uri).absolute()
        copy.mkdir()
        self._followers.append(Follower(uri, copy, _is_log))
        return copy

    def update(self) -> None:
        """Fetches what changed, and takes in the runs that have logs by now."""
        for follower in self._followers:
            follower.update()
        for uri, place in self._places:
            for run in [place] if self._asked else sorted(place.glob("*")):
                if run not in self._names and (run / _LOGS).is_dir():
                    given = uri.rstrip("/").rpartition("/")[2] if self._asked else run.name
                    self._names[run] = self._free(given)
                    (self.directory / self._names[run]).symlink_to(run / _LOGS)

    def missing(self) -> str:
        """Returns the URI of logs that were asked for and are not there; empty: there are all."""
        if not self._asked:
            return "" if self._names else self._output
        return next((f"{uri}/{_LOGS}" for uri, place in self._places if place not in self._names), "")

    def _free(self, name: str) -> str:
        """Returns a name that no other run has: two may have the same id in two places."""
        taken, number = set(self._names.values()), 1
        while (free := name if number == 1 else f"{name}-{number}") in taken:
            number += 1
        return free


def _is_log(name: str) -> bool:
    return f"/{_LOGS}/" in f"/{name}"
