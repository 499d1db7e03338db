"""Where a preset's files are: in a directory here, in a bucket, or in a hub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from trimtab.config.model import APPLICATIONS
from trimtab.errors import ModelError
from trimtab.storage.copies import local_copies
from trimtab.storage.objects.location import is_remote

_FIELD = "model.preset"
_CONFIG = "config.json"
_HUGGING_FACE = "hf://"


def is_application(preset: str | None) -> bool:
    """Returns whether it is a model of Keras Applications, which has no directory."""
    return (preset or "").startswith(APPLICATIONS)


def has_files(preset: str | None) -> bool:
    """Returns whether it is a directory or a folder of a bucket, and no name that a hub knows."""
    return preset is not None and not is_application(preset) and (is_remote(preset) or Path(preset).is_dir())


@contextlib.contextmanager
def directory(preset: str) -> Iterator[Path]:
    """Yields the local directory of a preset's files.

    Raises:
        ModelError: If it is none, if KerasHub is not installed, knows no such preset, or does not reach it.
        TrimtabError: If a bucket cannot be read.
    """
    with local_copies() as copies:
        found = Path(copies.local(preset)) if has_files(preset) else _downloaded(preset)
        if not (found / _CONFIG).is_file():
            raise ModelError(
                f"there is no {_CONFIG}: it is no preset",
                path=preset,
                hint="Make one by save_to_preset of a KerasHub model.",
            )
        yield found


def keras_hub() -> Any:
    """Returns KerasHub.

    Raises:
        ModelError: If it is not installed.
    """
    return _package("keras_hub")


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ModelError(
            f"presets need KerasHub, and {error.name or name} is not installed",
            field=_FIELD,
            hint="pip install 'trimtab[hub]'",
        ) from error


def _downloaded(preset: str) -> Path:
    if preset.startswith(_HUGGING_FACE):
        hub = _package("huggingface_hub")
        return _reached(preset, lambda: hub.snapshot_download(preset.removeprefix(_HUGGING_FACE)))
    known = keras_hub().models.Backbone.presets
    if preset not in known:
        raise ModelError(
            f"there is no such directory, and KerasHub knows no preset {preset}",
            field=_FIELD,
            hint="Names: https://keras.io/keras_hub/presets; a directory is relative to the config file.",
        )
    hub, handle = _package("kagglehub"), known[preset]["kaggle_handle"].removeprefix("kaggle://")
    return _reached(preset, lambda: hub.model_download(handle))


def _reached(preset: str, download: Any) -> Path:
    try:
        return Path(download())
    except Exception as error:  # of an HTTP client, each hub has its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ModelError(
            f"the preset {preset} cannot be fetched from its hub: {reason}",
            field=_FIELD,
            hint="Where there is no network, fetch it elsewhere, and give its directory or a bucket's URI.",
        ) from error
