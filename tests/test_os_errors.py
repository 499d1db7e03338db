import errno
import os
import shutil

import pytest

from trimtab import os_errors
from trimtab.errors import StorageError


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EFBIG, "File too large"),
        PermissionError(errno.EACCES, "Permission denied", "/runs/x"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]),
        RuntimeError("/runs/events; No space left on device"),
    ],
)
def test_what_the_system_refuses_is_known_by_its_number_or_its_words(error: Exception) -> None:
    assert os_errors.is_refusal(error)


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "gone", "x"), ValueError("no rows")])
def test_what_is_not_refused_is_a_defect(error: Exception) -> None:
    assert not os_errors.is_refusal(error)


def test_a_connection_is_no_local_file() -> None:
    assert os_errors.is_local(OSError(errno.ENOENT, "gone", "x"))
    assert os_errors.is_local(OSError(errno.ENOSPC, "full"))
    assert not os_errors.is_local(ConnectionResetError(errno.ECONNRESET, "reset"))


def test_the_error_names_what_was_worked_on_and_the_file() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/cache/part")
    assert os_errors.typed(error).describe() == (
        "/cache/part: it cannot be used: Permission denied\n"
        "  Look at the permissions, and at the space that is left."
    )
    assert os_errors.typed(error, "gs://b/x").message == "it cannot be used: Permission denied (/cache/part)"
    assert os_errors.typed(OSError(errno.EIO, os.strerror(errno.EIO))).message == (
        "the operating system refused: Input/output error"
    )


def test_an_absent_file_stays_as_it_is_unless_asked() -> None:
    with pytest.raises(FileNotFoundError), os_errors.typed_os_errors("x"):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "x")
    with (
        pytest.raises(StorageError, match="x: it cannot be used"),
        os_errors.typed_os_errors("x", absent_too=True),
    ):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "x")
