"""Whether what a task writes to a local path outlives its pod.

A pod writes to its own file system without an error, and what it wrote is gone with it: the next task would
find nothing, and a deployed model would be lost by a run that succeeded.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from trimtab.errors import ConfigError
from trimtab.storage.objects.location import is_remote, schemes

POD_NAME = "KFP_POD_NAME"
"""What Kubeflow sets in the container of a task, and kfp's local runners do not."""

_MOUNTS = Path("/proc/self/mountinfo")
_EMPTY_DIR = "kubernetes.io~empty-dir"


def check_outlives_pod(path: str, field: str) -> None:
    """Returns if a path is not in a pod, or on a volume there.

    Args:
        path: A local path, or a URI, which always outlives the pod.
        field: What names the path, for the message.

    Raises:
        ConfigError: If what is written there is lost with the pod.
    """
    if is_remote(path) or POD_NAME not in os.environ or _is_on_volume(path):
        return
    raise ConfigError(
        f"expected {schemes()}, or a path on a volume: this one is in the pod of this task, and lost with it",
        path=path,
        field=field,
        hint="Use such a URI; or name a claim in resources.volume and a path below its mount_path here, and "
        "run the pipeline that `trimtab compile` makes of that config.",
    )


def _is_on_volume(path: str) -> bool:
    """Returns whether the file system at a path is none of the container's and none of the pod's own."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return True  # no Linux: nobody knows
    where = PurePosixPath(os.path.realpath(path))
    root, point, kind = "", PurePosixPath("/"), ""
    for line in lines:
        mount, _, filesystem = line.partition(" - ")
        fields = mount.split()
        # Spaces and the like are octal escapes. Of mounts at one place, the last one counts.
        mount_point = PurePosixPath(fields[4].encode().decode("unicode_escape"))
        if where.is_relative_to(mount_point) and mount_point.is_relative_to(point):
            root, point, kind = fields[3], mount_point, filesystem.split()[0]
    # What a pod has in memory is a tmpfs of its own; a directory of the node may be part of a larger one.
    in_memory = kind == "tmpfs" and root == "/"
    return point != PurePosixPath("/") and _EMPTY_DIR not in root and not in_memory
