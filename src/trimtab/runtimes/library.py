"""The libraries that runtimes need, which may be missing."""

from __future__ import annotations

from importlib import metadata

from trimtab.errors import ConfigError


def version(runtime: str, extra: str, *distributions: str) -> str:
    """Returns the version of a runtime's library, without importing it.

    Args:
        runtime: The runtime's name.
        extra: The extra that installs it.
        distributions: The library, and what else must be there.

    Raises:
        ConfigError: If one of them is not installed; the message names the extra.
    """
    try:
        versions = [metadata.version(distribution) for distribution in distributions]
    except metadata.PackageNotFoundError as error:
        raise ConfigError(
            f"the runtime {runtime} is not installed: there is no {error.name}",
            field="runtimes",
            hint=f"Install it: pip install 'trimtab[{extra}]'" if extra else None,
        ) from error
    return versions[0]
