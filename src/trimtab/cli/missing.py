"""What is said where a command needs what only an extra installs."""

from __future__ import annotations

import re
from importlib import metadata

from trimtab.errors import ConfigError

_REQUIREMENT = re.compile(r"""([\w.-]+).*;.*extra == ['"](.+)['"]""")


def not_installed(error: ModuleNotFoundError) -> ConfigError | None:
    """Returns the error to show for a module that is missing; None where all is installed that we ask for.

    Args:
        error: What the import raised.
    """
    name = (error.name or "").partition(".")[0]
    extra = "serve" if _plain(name) in _distributions("serve") else "train"
    if name == "trimtab" or all(map(_is_installed, _distributions(extra))):
        return None
    message = f"this command needs {name}, which is not installed"
    return ConfigError(message, hint=f"Install it: pip install 'trimtab[{extra}]'")


def _distributions(extra: str) -> set[str]:
    """Returns the names of what an extra asks for itself."""
    asked = (_REQUIREMENT.match(line) for line in metadata.requires("trimtab") or ())
    return {_plain(found[1]) for found in asked if found and found[2] == extra} - {"trimtab"}


def _plain(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
