"""A saved model, inspected before Keras sees it: zip directory, JSON config, HDF5 links and shapes.

That covers every way in that Keras had to close so far, also for a Keras that did not close it yet. Two
things cannot be seen here: a flipped bit in a weight of an ``.h5`` file, which has no checksum (a ``.keras``
file has), and defects of the HDF5 library itself.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path

from trimtab.errors import ModelError
from trimtab.models import inspect_config, inspect_hdf5, keras2

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_EXPANSION = 100
_OTHERS = (
    "Save it with model.save(path). A model of another library comes as a .tflite, .onnx (PyTorch's: "
    "torch.onnx.export) or OpenVINO's .xml file, or as the directory of a SavedModel."
)
_SAVE_AGAIN = "Copy it again, or save the model again with model.save(path)."


def inspect(
    file: Path, own: Container[tuple[str, str]] = (), most_bytes: int = inspect_hdf5.MAX_BYTES
) -> bytes:
    """Returns the JSON config of a saved model that is safe to load, as Keras 3 takes it.

    Args:
        file: A ``.keras`` file, or an ``.h5`` file of Keras 2 or 3.
        own: What a ``.keras`` file may name beside Keras' own; see ``inspect_config.check``.
        most_bytes: What its weights may come to; see ``inspect_hdf5.check``.

    Raises:
        ModelError: If the file is missing, damaged or unsafe, or of another kind.
    """
    if not file.is_file():
        raise ModelError("there is no such file", path=str(file))
    if file.suffix == ".keras":
        return _inspect_zip(file, own, most_bytes)
    if file.suffix in (".h5", ".hdf5"):
        return _inspect_h5(file, most_bytes)
    raise ModelError("expected a .keras or .h5 file", path=str(file), hint=_OTHERS)


def inspect_weights(file: Path, most_bytes: int = inspect_hdf5.MAX_BYTES) -> bytes:
    """Checks a file of which the weights alone are loaded, so that it may name any class.

    Args:
        file: A ``.keras`` file, or an ``.h5`` file of a model or of weights.
        most_bytes: What its weights may come to; see ``inspect_hdf5.check``.

    Returns:
        The JSON config beside them, as it stands there; empty where there is none.

    Raises:
        ModelError: If the file is missing, damaged or unsafe, or of another kind.
    """
    if not file.is_file():
        raise ModelError("there is no such file", path=str(file))
    if file.suffix == ".keras":
        with _zip(file) as archive:
            inspect_hdf5.check(io.BytesIO(archive.read(WEIGHTS)), str(file), most_bytes)
            return archive.read(CONFIG)
    if file.suffix in (".h5", ".hdf5"):
        return inspect_hdf5.check(file, str(file), most_bytes).config
    raise ModelError(
        "expected a .keras or .h5 file", path=str(file), hint="Save it with model.save_weights(path)."
    )


def _inspect_h5(file: Path, most_bytes: int) -> bytes:
    found = inspect_hdf5.check(file, str(file), most_bytes)
    config = found.config
    if not config:
        raise ModelError(
            "it holds no model, perhaps only weights",
            path=str(file),
            hint="Save the whole model with model.save(path), not model.save_weights(path).",
        )
    if found.version.startswith("2."):
        config = keras2.translated(config, str(file))
    inspect_config.check(config, str(file))
    inspect_config.check_widths(config, found.numbers, str(file))
    return config


def _inspect_zip(file: Path, own: Container[tuple[str, str]], most_bytes: int) -> bytes:
    """Returns the config, after checking the zip directory, the config and the weights inside."""
    with _zip(file) as archive:
        config = archive.read(CONFIG)
        inspect_config.check(config, str(file), own)
        found = inspect_hdf5.check(io.BytesIO(archive.read(WEIGHTS)), str(file), most_bytes)
        inspect_config.check_widths(config, found.numbers, str(file))
        return config


@contextlib.contextmanager
def _zip(file: Path) -> Iterator[zipfile.ZipFile]:
    """Yields an archive whose directory and checksums are those of a ``.keras`` file."""
    if not zipfile.is_zipfile(file):
        raise ModelError(
            "the file is cut or is no .keras archive: it has no zip directory",
            path=str(file),
            hint=_SAVE_AGAIN,
        )
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(archive, str(file))
            damaged = archive.testzip()
            if damaged is not None:
                raise ModelError(f"{damaged} is damaged: wrong checksum", path=str(file), hint=_SAVE_AGAIN)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise ModelError(f"the archive is damaged: {error}", path=str(file), hint=_SAVE_AGAIN) from error


def _check_members(archive: zipfile.ZipFile, path: str) -> None:
    names = [info.filename for info in archive.infolist()]
    for info in archive.infolist():
        if info.filename not in (CONFIG, METADATA, WEIGHTS) or names.count(info.filename) > 1:
            raise ModelError(
                f"expected {CONFIG}, {METADATA} and {WEIGHTS} once each, found {info.filename!r}",
                path=path,
                hint="Layers that bring files of their own, such as TextVectorization, need a builder.",
            )
        if info.file_size > max(MAX_EXPANSION * info.compress_size, inspect_config.MAX_BYTES):
            raise ModelError(
                f"{info.filename} would expand from {info.compress_size:,} to {info.file_size:,} bytes",
                path=path,
                hint="Save the model again with model.save(path), which stores weights as they are.",
            )
        most_bytes = inspect_hdf5.MAX_BYTES if info.filename == WEIGHTS else inspect_config.MAX_BYTES
        if info.file_size > most_bytes:
            raise ModelError(
                f"{info.filename} is too large: {info.file_size:,} bytes, at most {most_bytes:,} are read",
                path=path,
                hint=inspect_config.BUILDER,
            )
    missing = {CONFIG, WEIGHTS} - set(names)
    if missing:
        raise ModelError(f"it has no {min(missing)}", path=path, hint=_SAVE_AGAIN)
