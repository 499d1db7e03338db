"""The runtimes by name."""

from __future__ import annotations

from typing import cast

from trimtab.errors import ConfigError
from trimtab.registry import RUNTIMES, module
from trimtab.runtimes.base import Runtime

DEFAULT = "litert"
"""The one that every installation has; versions that name no runtime are its."""


def runtime(name: str) -> Runtime:
    """Returns a runtime, whether its library is installed or not.

    Raises:
        ConfigError: If there is no such runtime.
    """
    if name not in RUNTIMES:
        raise ConfigError(f"there is no runtime {name!r}, but {', '.join(RUNTIMES)}", field="runtimes")
    return cast(Runtime, module(RUNTIMES, name).RUNTIME)


def installed() -> list[str]:
    """Returns the names of the runtimes whose libraries are installed, in the order of the registry."""
    return [name for name in RUNTIMES if is_installed(name)]


def is_installed(name: str) -> bool:
    """Returns whether a runtime's library is installed."""
    try:
        runtime(name).check_installed()
    except ConfigError:
        return False
    return True
