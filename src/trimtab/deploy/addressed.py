"""A model repository, or a version in it: a run prints a version's path, which every command takes."""

from __future__ import annotations

from trimtab.deploy.repository import Repository
from trimtab.errors import ConfigError


def repository_and_version(target: str, version: int | None = None) -> tuple[str, int | None]:
    """Returns a model repository's URI, and the version that is meant.

    Args:
        target: The URI of a model repository, or of a version in it, as ``deployed/digits/3``.
        version: The version that was asked for besides; None: that of the URI, or the champion.

    Raises:
        ConfigError: If the URI names another version than was asked for.
    """
    before, slash, last = target.rstrip("/").rpartition("/")
    repository = before or slash or "."
    if not _is_version(repository, last) or Repository(target).pointer() is not None:
        return target, version
    if version not in (None, int(last)):
        raise ConfigError(f"{target} is version {last} of {repository}: version {version} was asked for, too")
    return repository, int(last)


def _is_version(repository: str, last: str) -> bool:
    """Returns whether the last part of a URI is a version, and no repository that has a number for a name."""
    return last.isascii() and last.isdecimal() and Repository(repository).pointer() is not None
