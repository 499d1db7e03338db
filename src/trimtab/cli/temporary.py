"""A command's own directory for temporary files, and the end of those that killed commands have left."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing.util
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
_AFTER_ITS_OWN = -101


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Yields an empty directory, which goes with the block; what killed commands left goes before it.

    Its lock goes with this process, however that ends, so that others know whether it is in use.
    """
    _sweep(Path(tempfile.gettempdir()))
    directory = tempfile.mkdtemp(prefix=_PREFIX)
    held = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Path(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(held)


@contextlib.contextmanager
def all_temporary() -> Iterator[None]:
    """Lets whatever this process and its children make for a while lie in such a directory.

    Where nothing temporary can be written, as in some pods, all is as before: most commands need none.
    """
    held = contextlib.ExitStack()
    try:
        scratch = held.enter_context(temporary())
    except OSError:
        yield
        return
    try:
        with (
            mock.patch.object(tempfile, "tempdir", str(scratch)),
            mock.patch.dict(os.environ, TMPDIR=str(scratch)),
        ):
            yield
    finally:
        if any(scratch.glob("pymp-*")):
            # Of multiprocessing: it keeps sockets there as long as this process lives, and removes it then.
            multiprocessing.util.Finalize(None, held.close, exitpriority=_AFTER_ITS_OWN)
        else:
            held.close()


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
