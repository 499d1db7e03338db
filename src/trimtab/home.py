"""Paths that begin with a person's home."""

from __future__ import annotations

from pathlib import Path

from trimtab.errors import ConfigError


def expanded(path: str | Path) -> Path:
    """Returns a path with the home in the place of ``~`` or ``~name``.

    Where there is nobody of that name the path stays as it is, and is told like any other that is not there.

    Args:
        path: As a person wrote it.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def expanded_to_write(path: str | Path) -> Path:
    """Returns a path to write to with the home in the place of ``~`` or ``~name``.

    Raises:
        ConfigError: If there is nobody of that name: who would look for files in a directory ``~name``?
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            "there is no such user, whose home it would be in",
            path=str(path),
            hint=f"Write the whole path, or ./{path} for a directory of this name.",
        ) from error
