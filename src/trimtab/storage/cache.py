"""Where local copies of objects are kept: in the user's cache, or where that cannot be written, in /tmp."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def directory() -> Path:
    """Returns a directory of this user's for local copies; it exists and can be written.

    It is ``trimtab`` below ``XDG_CACHE_HOME``, or below ``~/.cache``: runs share what they have fetched. A
    pod may have neither, with a read-only root file system and a user id that has no home: it gets a
    directory of its own below the temporary one.
    """
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        cache = Path(home).expanduser() / "trimtab"
        cache.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # expanduser knows no home of this user
        return _own_directory()
    return cache if os.access(cache, os.W_OK | os.X_OK) else _own_directory()


def _own_directory() -> Path:
    cache = Path(tempfile.gettempdir()) / f"trimtab-cache-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    # Others may write to the directory above: what they put there is not used.
    return cache if cache.stat().st_uid == os.getuid() else Path(tempfile.mkdtemp(prefix="trimtab-cache-"))
