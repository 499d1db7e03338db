"""What the operating system refuses, as errors for a user: no space, no permission, an impossible name."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from trimtab.errors import StorageError

# What is no defect of the program wherever it is met.
_REFUSALS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EMFILE,
    errno.EIO,
    errno.EFBIG,
)
# What a write to an open file meets; such an error does not name the file.
_OF_WRITES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def is_refusal(error: BaseException) -> bool:
    """Returns whether the operating system refused something that a program may ask for.

    Libraries that write files (h5py, TensorFlow, pyarrow, shutil) have errors of their own for a full disk:
    those have the system's words in theirs, and no number.
    """
    return getattr(error, "errno", None) in _REFUSALS or bool(_quoted(error))


def is_local(error: OSError) -> bool:
    """Returns whether an error is about a local file, and not about a connection."""
    return error.errno is not None and (error.filename is not None or error.errno in _OF_WRITES)


def typed(error: BaseException, path: str | None = None) -> StorageError:
    """Returns the error for a user.

    Args:
        error: What the operating system said, or what a library made of it.
        path: What was worked on, if that is known; else it is the file that the error names.
    """
    named = error.filename if isinstance(error, OSError) and isinstance(error.filename, str) else None
    reason = (error.strerror if isinstance(error, OSError) else None) or _quoted(error) or str(error)
    where = f" ({named})" if path and named not in (None, path) else ""
    told = "it cannot be used" if path or named else "the operating system refused"
    return StorageError(
        f"{told}: {reason}{where}",
        path=path or named,
        hint="Look at the permissions, and at the space that is left.",
    )


@contextlib.contextmanager
def typed_os_errors(path: str | os.PathLike[str], *, absent_too: bool = False) -> Iterator[None]:
    """Turns what the operating system refuses in the block into an error for a user.

    Args:
        path: What is worked on.
        absent_too: Whether that a file is not there is such an error; else it stays as it is.

    Raises:
        StorageError: If the operating system refuses something.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not absent_too:
            raise
        raise typed(error, os.fspath(path)) from error


def _quoted(error: BaseException) -> str:
    """Returns the words of the operating system that an error quotes, or an empty string."""
    return next((os.strerror(number) for number in _REFUSALS if os.strerror(number) in str(error)), "")
