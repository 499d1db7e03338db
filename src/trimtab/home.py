"""Paths that begin with a person's home."""

from __future__ import annotations

from pathlib import Path


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
