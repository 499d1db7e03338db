"""The resolved config as the argument of a run's first task: its JSON, or the URI of a file that has it.

On a cluster each byte of an argument stands some eight times in the status of a run, which may take 1 MB, and
the kernel limits an argument to 128 KiB. A larger config goes to a file beside the runs' directories.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.errors import ConfigError
from trimtab.storage import store
from trimtab.storage.objects.location import is_remote

if TYPE_CHECKING:
    from trimtab.config.config import Config

INLINE_BYTES = 1024
DIRECTORY = "configs"

# A task gets its arguments as JSON within one argument of its process; the rest of them needs some of it.
_MOST_BYTES = 100_000


def argument(config: Config, output: str) -> str:
    """Returns what the first task is given, after writing the file if there has to be one.

    Args:
        config: The resolved config.
        output: The directory that holds the runs' directories. Where it is on a volume of pods that is not
            mounted here, a config that fits is given as JSON.

    Raises:
        ConfigError: If it does not fit, and the file cannot be written from here.
        StorageError: If the file cannot be written.
    """
    text = config.as_argument()
    size = len(json.dumps(text, ensure_ascii=False).encode())
    if size <= INLINE_BYTES:
        return text
    if is_remote(output) or _is_here(output):
        uri = f"{output.rstrip('/')}/{DIRECTORY}/{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
        store.write(uri, text.encode())
        return uri
    if size > _MOST_BYTES:
        raise ConfigError(
            f"the resolved config takes {size:,} bytes; {_MOST_BYTES:,} fit into a task's arguments, and "
            f"{output} is not mounted here for a file with it",
            hint="Use a URI for --output, mount the volume here at the same path, or build your "
            "model's code into a derived image: see docs/kubeflow.md.",
        )
    return text


def _is_here(output: str) -> bool:
    """Returns whether a directory, or the first one above it that there is, is more than the root."""
    path = Path(output).absolute()
    return next(above for above in (path, *path.parents) if above.exists()) != Path("/")
