"""Calls without root's right to read and write everything: permissions hold where tests run as root, too."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_VERSION_3 = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def unprivileged(call: Callable[[], Any]) -> Any:
    """Returns what a function returns, or raises what it raises, in a thread that permissions hold for.

    Capabilities are a thread's own in Linux: the process keeps them.
    """
    with ThreadPoolExecutor(1, initializer=_give_up) as thread:
        return thread.submit(call).result()


def _give_up() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable; the first 32, then the others
    assert libc.capget(header, sets) == 0
    for place in range(3):
        sets[place] &= ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    assert libc.capset(header, sets) == 0
