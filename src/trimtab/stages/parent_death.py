"""A child process that ends with its parent, however the parent ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>; see prctl(2)


def end_with(parent: int) -> None:
    """Lets the kernel kill this process when the one that made it has ended; only Linux can.

    Nobody would wait for its work any more: whoever goes on does it again, beside it.

    Args:
        parent: The parent's process id, as the parent has it.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before this could be asked for
        os.kill(os.getpid(), signal.SIGKILL)
