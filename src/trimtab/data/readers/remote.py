"""Sources in Cloud Storage: every reader reads local files, so they are fetched first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from trimtab.config.data import Data
from trimtab.errors import DataError
from trimtab.storage.copies import local_copies

_FIELDS = ("train", "validation", "test")


def refuse_remote(config: Data) -> None:
    """Refuses tables in a store whose rows name files: only what a source names itself is fetched.

    Raises:
        DataError: If there is one.
    """
    for name in _FIELDS if config.file_columns else ():
        source = getattr(config, name)
        if isinstance(source, str) and "://" in source:
            field = next((key for key, given in config.inputs.items() if given.files is not None), None)
            raise DataError(
                "files that rows name are read from local directories alone",
                path=source,
                field="data.label" if field is None else f"data.inputs.{field}.files",
                hint="Copy table and files to a directory, or give a Parquet column of their contents, "
                "named by column.",
            )


@contextlib.contextmanager
def local_sources(config: Data) -> Iterator[tuple[Data, Callable[[str], str]]]:
    """Fetches what is in Cloud Storage; typed errors of the block name its URIs.

    Args:
        config: The config's data section.

    Yields:
        The section with local paths, and a function that puts the URIs back into a text.

    Raises:
        DataError: If nothing is there.
        ConfigError: If it cannot be accessed.
        StorageError: If it cannot be reached.
        ArtifactError: If it arrives damaged again and again.
    """
    refuse_remote(config)
    with local_copies() as copies:
        given = {name: value for name in _FIELDS if (value := getattr(config, name)) is not None}
        yield (
            config.model_copy(update={name: copies.local(value) for name, value in given.items()}),
            copies.original,
        )
