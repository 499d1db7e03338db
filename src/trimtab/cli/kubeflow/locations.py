"""Which paths of a config pods can reach: object stores, data sets in the image, and the mounted volume."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trimtab.errors import ConfigError
from trimtab.storage.objects.location import is_remote, schemes

if TYPE_CHECKING:
    from trimtab.config.config import Config

_FIELDS = (("data", "train"), ("data", "validation"), ("data", "test"), ("model", "archive"))
_SHIPPED = "sklearn://"


def for_pods(config: Config, output: str) -> Config:
    """Returns the config with its deployment target resolved, after checking that pods can use it.

    Args:
        config: The config.
        output: What holds the runs' directories: a URI of an object store, or a path on the volume.

    Raises:
        ConfigError: If a pod could not reach a path.
    """
    mounted = config.resources.volume.mount_path if config.resources.volume else None
    _check(output, "--output", mounted)
    for section, name in _FIELDS:
        if isinstance(path := getattr(getattr(config, section), name), str):
            _check(path, f"{section}.{name}", mounted, _SHIPPED)
    target = config.deploy.target or f"{output.rstrip('/')}/deployed/{config.name}"
    _check(target, "deploy.target", mounted)
    return config.model_copy(update={"deploy": config.deploy.model_copy(update={"target": target})})


def _check(path: str, field: str, mounted: str | None, shipped: str | None = None) -> None:
    if is_remote(path) or (shipped and path.startswith(shipped)):
        return
    pure = PurePosixPath(path)
    if mounted and pure.is_relative_to(mounted) and ".." not in pure.parts:
        return
    place = f"a path below {mounted}, the volume of the pods" if mounted else "no local path"
    hint = (
        f"Use a URI of an object store, or copy it to the volume and name it by its path below {mounted}."
        if mounted
        else "Use a URI of an object store, or mount a volume by resources.volume and name the path on it."
    )
    expected = " or ".join(filter(None, [schemes(), shipped, place]))
    raise ConfigError(f"pods cannot reach {path!r}: expected {expected}", field=field, hint=hint)
