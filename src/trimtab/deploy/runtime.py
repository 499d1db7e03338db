"""The runtime that a version was proven on, and is served by."""

from __future__ import annotations

from trimtab.runtimes.base import LoadedModel, Runtime
from trimtab.runtimes.registry import DEFAULT, runtime
from trimtab.storage.artifact import Artifact


def runtime_of(version: Artifact) -> Runtime:
    """Returns the runtime of a version, or of a selection.

    Args:
        version: A ``deployment`` or ``selection`` artifact; one that names no runtime is LiteRT's.

    Raises:
        ConfigError: If it is not installed; the message names the extra.
    """
    serving = runtime(str(version.lineage.get("runtime", DEFAULT)))
    serving.version()
    return serving


def streams_of(version: Artifact) -> int:
    """Returns how many requests a version, or a selection, answers at a time."""
    return int(version.lineage.get("streams", 1))


def loaded(version: Artifact, batch: int = 1) -> LoadedModel:
    """Returns a version's model, with a thread for each of its streams.

    Args:
        version: A ``deployment`` or ``selection`` artifact.
        batch: Examples that go through it at a time.

    Raises:
        ConfigError: If its runtime is not installed.
        ModelError: If the runtime cannot load it.
    """
    streams = streams_of(version)
    return runtime_of(version).load(version.path, streams, batch, streams)


def other_version(version: Artifact) -> str:
    """Returns in words how the library here differs from the one that a version was proven on, or nothing.

    Raises:
        ConfigError: If it is not installed.
    """
    serving, proven = runtime_of(version), version.lineage.get("runtime_version")
    if proven in (None, serving.version()):
        return ""
    return f"it was proven on {serving.name} {proven}, and this is {serving.version()}"
