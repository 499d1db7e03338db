"""A command's own directory for temporary files, and the end of those that killed commands have left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

_PREFIX = "trimtab-run-"
_YOUNG_S = 60.0
"""Between the making of a directory and its lock."""


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Yields an empty directory, which goes with the block; what killed commands left goes before it.

    Its lock goes with this process, however that ends, so that others know whether it is in use.
    """
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as directory:
        held = os.open(directory, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(directory)
        finally:
            os.close(held)


@contextlib.contextmanager
def all_temporary() -> Iterator[None]:
    """Lets whatever this process and its children make for a while lie in such a directory.

    Where nothing temporary can be written, as in some pods, all is as before: most commands need none.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            scratch = str(stack.enter_context(temporary()))
            stack.enter_context(mock.patch.object(tempfile, "tempdir", scratch))
            stack.enter_context(mock.patch.dict(os.environ, TMPDIR=scratch))
        yield


def _sweep(place: Path) -> None:
    for directory in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or gone
            if _is_left(directory):
                shutil.rmtree(directory, ignore_errors=True)


def _is_left(directory: Path) -> bool:
    """Returns whether nobody works in a directory any more."""
    state = directory.lstat()
    if state.st_uid != os.getuid() or time.time() - state.st_mtime < _YOUNG_S:
        return False
    handle = os.open(directory, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(handle)
    return True
