"""What the operating system refuses of local files: no space, no permission, a name that it cannot hold."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from trimtab.errors import StorageError

# What a write to an open file meets; such an error does not name the file.
_OF_WRITES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def is_local(error: OSError) -> bool:
    """Returns whether an error is about a local file, and not about a connection."""
    return error.errno is not None and (error.filename is not None or error.errno in _OF_WRITES)


def refusal(error: OSError, path: str) -> StorageError:
    """Returns the error for a user.

    Args:
        error: What the operating system said.
        path: What was worked on.
    """
    hint = "Nothing was half-written. Look at the permissions, and at the space that is left."
    where = f" ({error.filename})" if error.filename not in (None, path) else ""
    return StorageError(f"a local file cannot be used: {error.strerror}{where}", path=path, hint=hint)


@contextlib.contextmanager
def typed(path: str) -> Iterator[None]:
    """Turns what is refused in the block into an error for a user.

    Args:
        path: What is worked on.

    Raises:
        StorageError: If the operating system refuses something.
    """
    try:
        yield
    except OSError as error:
        raise refusal(error, path) from error
