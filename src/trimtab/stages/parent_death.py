"""Processes that end with the one that they work for, however that ends: nobody would wait for their work.

Whoever goes on does it again, beside them. Only Linux can do this; elsewhere they work to their end.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading

RUNNER = "TRIMTAB_RUNNER_PID"
"""The environment variable by which a task on this machine knows the process that runs the pipeline."""
_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>; see prctl(2)


def end_with(parent: int) -> None:
    """Lets the kernel kill this process when the one that made it has ended.

    Args:
        parent: The parent's process id, as the parent has it.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before this could be asked for
        os.kill(os.getpid(), signal.SIGKILL)


def end_with_runner() -> None:
    """Kills this process when the one that runs the pipeline ends, if it was told of one.

    That is no parent of a task: a shell or a fork server is, which itself may live on.
    """
    runner = os.environ.get(RUNNER, "")
    if not runner or not hasattr(os, "pidfd_open"):
        return
    try:
        ended = os.pidfd_open(int(runner))
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGKILL)
    except OSError:  # a kernel that cannot tell
        return
    threading.Thread(target=_kill_when, args=(ended,), name="runner", daemon=True).start()


def _kill_when(ended: int) -> None:
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.poll()
    os.kill(os.getpid(), signal.SIGKILL)
