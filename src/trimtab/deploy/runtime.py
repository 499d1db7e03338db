"""The runtime that a version was proven on, and is served by."""

from __future__ import annotations

from trimtab.runtimes.base import Runtime
from trimtab.runtimes.registry import DEFAULT, runtime
from trimtab.storage.artifact import Artifact


def runtime_of(version: Artifact) -> Runtime:
    """Returns the runtime of a version, or of a selection.

    Args:
        version: A ``deployment`` or ``selection`` artifact; one that names no runtime is LiteRT's.

    Raises:
        ConfigError: If it is not installed; the message names the extra.
    """
    found = runtime(str(version.lineage.get("runtime", DEFAULT)))
    found.version()
    return found


def other_version(version: Artifact) -> str:
    """Returns in words how the library here differs from the one that a version was proven on, or nothing.

    Raises:
        ConfigError: If it is not installed.
    """
    serving, proven = runtime_of(version), version.lineage.get("runtime_version")
    if proven in (None, serving.version()):
        return ""
    return f"it was proven on {serving.name} {proven}, and this is {serving.version()}"
