"""What processor this is, and how many of it this process may use: no more than its quota."""

from __future__ import annotations

import contextlib
import math
import os
import platform
from pathlib import Path

_MOST_THREADS = 4
_CGROUP, _CPUINFO = Path("/sys/fs/cgroup"), Path("/proc/cpuinfo")


def cpus(cgroup: Path = _CGROUP) -> int:
    """Returns how many threads or processes can compute at a time.

    Kubernetes and Docker limit a container by a quota of CPU time, and show it all CPUs of the machine: with
    a thread each, all of them would be stopped for most of the time.

    Args:
        cgroup: Where the kernel tells the limits of this container.
    """
    quota = _quota(cgroup)
    allowed = len(os.sched_getaffinity(0))
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def threads() -> int:
    """Returns how many threads share the work on one part of some data: each holds what it works on."""
    return min(cpus(), _MOST_THREADS)


def processor(cpuinfo: Path = _CPUINFO) -> str:
    """Returns what the kernel calls this machine's processor, such as ``Intel(R) Xeon(R) …``.

    Args:
        cpuinfo: Where it does.
    """
    with contextlib.suppress(OSError):
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()


def _quota(cgroup: Path) -> float | None:
    """Returns the CPUs' worth of time that a container gets; None where it is not limited."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # version 2; "max" is no number
        quota, period = (cgroup / "cpu.max").read_text().split()
        return int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # version 1; -1 is no limit
        quota_us = int((cgroup / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((cgroup / "cpu" / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else None
    return None
