"""Models that others made, in the files of a runtime."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trimtab.config import brought
from trimtab.errors import ModelError, TrimtabError
from trimtab.runtimes.base import Runtime
from trimtab.runtimes.registry import runtime
from trimtab.storage.copies import local_copies

_SHOWN = 8


def own_runtime(archive: str | None) -> Runtime | None:
    """Returns the runtime whose own format a model's file is in, or None where it is nobody's.

    Args:
        archive: Its path or URI, whose ending decides; None: there is no file.
    """
    name = brought.own_runtime(archive)
    return runtime(name) if name else None


def parts(archive: str) -> list[str]:
    """Returns the paths or URIs of all files of a model: beside the first there may be one of its weights.

    Of a SavedModel it is the directory.
    """
    if brought.is_saved_model(archive):
        return [archive.removesuffix(brought.SAVED_MODEL)]
    serving = own_runtime(archive)
    endings = [Path(name).suffix for name in serving.files[1:]] if serving else []
    return [archive, *(f"{archive.rpartition('.')[0]}{ending}" for ending in endings)]


@contextlib.contextmanager
def fetched(archive: str) -> Iterator[Path]:
    """Yields the local path of a model's first file, with the others beside it.

    Raises:
        ModelError: If there is no such file.
        TrimtabError: If a bucket cannot be read.
    """
    with local_copies() as copies, tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        if brought.is_saved_model(archive):
            copied, given = Path(scratch), archive.removesuffix(f"/{brought.SAVED_MODEL}")
            _copy_saved_model(Path(copies.local(parts(archive)[0])), copied)
            first = copied / brought.SAVED_MODEL
        else:
            copied, given = Path(scratch) / "model", archive.removesuffix(Path(archive).suffix)
            for part in parts(archive):
                local = Path(copies.local(part))
                if not local.is_file():
                    raise ModelError("there is no such file", path=part)
                shutil.copyfile(local, copied.with_suffix(Path(part).suffix.lower()))
            first = copied.with_suffix(Path(archive).suffix.lower())
        try:
            yield first
        except TrimtabError as error:
            # What reads it knows the copy alone.
            error.path = error.path.replace(str(copied), given) if error.path else error.path
            error.args = (error.describe(),)
            raise


def _copy_saved_model(directory: Path, scratch: Path) -> None:
    """Copies the graph and the variables of a SavedModel: nothing else of it is read."""
    if not (directory / brought.SAVED_MODEL).is_file():
        found = ", ".join(sorted(path.name for path in directory.glob("*"))[:_SHOWN])
        raise ModelError(
            f"there is no {brought.SAVED_MODEL}, so it is no SavedModel; found {found or 'nothing'}",
            path=str(directory),
            hint="Name the directory that holds it; of TensorFlow Serving, that of a version.",
        )
    (scratch / "variables").mkdir()
    for path in (directory / brought.SAVED_MODEL, *(directory / "variables").glob("variables.*")):
        if path.is_file():
            shutil.copyfile(path, scratch / path.relative_to(directory))
