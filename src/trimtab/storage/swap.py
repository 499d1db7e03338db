"""Compare-and-swap of a local file without a lock: who may replace a content is decided by one rename.

    champion.json
    .swaps/champion.json.<content>.<turn>/by      who claimed to replace this content; never removed
    .swaps/champion.json.<content>.<turn>/new     what by; gone once it is ``champion.json``

A writer prepares both files in a directory of its own and renames that to the first claim on the present
content that nobody has. No POSIX file system, NFS included, renames a directory onto one that holds files:
one writer gets the claim, and the others see it. Then ``new`` is renamed over the file, which can happen only
once, whoever does it: the winner, or, if that died, the next one that finds its claim. So nobody waits for
anybody, nothing is left locked, and a writer that wakes up late neither wins nor restores what was replaced.

The same content may come again (a file is emptied twice): then the claims on it are all taken and done, and
the next turn is free. A claim is made only when the file was seen to hold the content after every earlier
turn was done, so none is made on what a file held long ago.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from trimtab.storage import atomic

CLAIMS = ".swaps"
_BY, _NEW = "by", "new"
_YOUNG_S, _LATE_S = 60.0, 86_400.0
"""To prepare a claim takes milliseconds; a process may be in another container of the same host name."""
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


def swap(path: Path, expected: bytes | None, data: bytes) -> bool:
    """Replaces a file only if its content still is the expected one; readers see one or the other, whole.

    Args:
        path: The file; its directory is created when missing.
        expected: The content that is to be replaced; None: the file must not exist.
        data: The new content.

    Returns:
        Whether this call replaced it. If not, it held something else, or another writer was faster.
    """
    if read(path) != expected:
        return False
    claims = path.parent / CLAIMS
    claims.mkdir(parents=True, exist_ok=True)
    _sweep(claims)
    content = "none" if expected is None else hashlib.sha256(expected).hexdigest()[:32]
    with _offer(claims, data) as offer:
        for turn in itertools.count():
            claim = claims / f"{path.name}.{content}.{turn}"
            if not _is_taken(claim):
                if read(path) != expected:
                    return False
                if _take(offer, claim):
                    _finish(claim, path)
                    return True
            _finish(claim, path)
    raise AssertionError("the turns have no end")


def read(path: Path) -> bytes | None:
    """Returns a file's content, or None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _offer(claims: Path, data: bytes) -> Iterator[Path]:
    """Yields a directory to claim with; what is left of it in the end is removed."""
    offer = claims / f".{uuid.uuid4().hex}{atomic.PART}"
    offer.mkdir()
    try:
        (offer / _BY).write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        (offer / _NEW).write_bytes(data)
        atomic.sync_files(offer)
        yield offer
    finally:
        shutil.rmtree(offer, ignore_errors=True)


def _sweep(claims: Path) -> None:
    """Removes what writers prepared that were killed before they claimed anything."""
    for offer in claims.glob(f".*{atomic.PART}"):
        with contextlib.suppress(OSError):  # another user's, or gone
            age_s = time.time() - offer.stat().st_mtime
            if age_s > _LATE_S or (age_s > _YOUNG_S and _is_dead(offer)):
                shutil.rmtree(offer, ignore_errors=True)


def _is_dead(offer: Path) -> bool:
    """Returns whether a process of this machine prepared it that is no more."""
    said = read(offer / _BY) or b""
    known = re.fullmatch(r"process (\d{1,9}) on (.+)\n", said.decode(errors="replace"))
    if known is None or known[2] != socket.gethostname():
        return False
    try:
        os.kill(int(known[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _is_taken(claim: Path) -> bool:
    return claim.is_dir()


def _take(offer: Path, claim: Path) -> bool:
    """Returns whether the claim is ours: of all that try, one succeeds."""
    try:
        offer.rename(claim)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    atomic.sync_directory(claim.parent)
    return True


def _finish(claim: Path, path: Path) -> None:
    """Lets the file have what its claim says, unless that is done already."""
    with contextlib.suppress(FileNotFoundError):
        (claim / _NEW).replace(path)
    atomic.sync_directory(path.parent)
