"""Silence for TensorFlow, which writes to the terminal whatever its settings say."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def quiet() -> Iterator[Callable[[], str]]:
    """Keeps what TensorFlow writes, from C++ too, off the terminal.

    Yields:
        A function that returns what was written so far.
    """
    absl, level = logging.getLogger("absl"), logging.getLogger("absl").level
    with tempfile.TemporaryFile() as sink, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        absl.setLevel(logging.ERROR)
        copies = [(fd, os.dup(fd)) for fd in (1, 2)]
        try:
            for fd, _ in copies:
                os.dup2(sink.fileno(), fd)
            yield lambda: os.pread(sink.fileno(), 1 << 20, 0).decode(errors="replace")
        finally:
            for fd, copy in copies:
                os.dup2(copy, fd)
                os.close(copy)
            absl.setLevel(level)
