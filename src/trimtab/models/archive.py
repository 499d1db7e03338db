"""Saved models: ``.keras`` and ``.h5`` files, loaded by Keras 3 with ``safe_mode`` on.

A file is inspected before Keras sees it: its zip directory, its JSON config and its HDF5 links and shapes.
That covers every way in that Keras had to close so far, also for a Keras that did not close it yet. Two
things cannot be seen here: a flipped bit in a weight of an ``.h5`` file, which has no checksum (a ``.keras``
file has), and defects of the HDF5 library itself.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import keras

from trimtab.errors import ModelError
from trimtab.models import inspect_config, inspect_hdf5
from trimtab.models.contract import check
from trimtab.models.functional import as_functional, copy
from trimtab.models.spec import ModelSpec

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_EXPANSION = 100
_SAVE_AGAIN = "Copy it again, or save the model again with model.save(path)."


def load(path: str | Path) -> keras.Model:
    """Loads a saved model without running anything that the file brings.

    Args:
        path: A ``.keras`` file, or an ``.h5`` file of Keras 2 or 3.

    Returns:
        The flat, uncompiled functional model.

    Raises:
        ModelError: If the file is missing, damaged, unsafe, or no model that can be used.
    """
    file = Path(path)
    if not file.is_file():
        raise ModelError("there is no such file", path=str(file))
    if file.suffix == ".keras":
        _inspect_zip(file)
    elif file.suffix in (".h5", ".hdf5"):
        _inspect_h5(file)
    else:
        raise ModelError(
            "expected a .keras or .h5 file", path=str(file), hint="Save it with model.save(path)."
        )
    return as_functional(_load(file), str(file))


def fit_to(model: keras.Model, spec: ModelSpec, source: str) -> keras.Model:
    """Returns the model for this data: open dimensions of its input become those of the data.

    Args:
        model: A loaded model.
        spec: What the data looks like.
        source: The file it was loaded from, for messages.

    Raises:
        ModelError: If the model does not take this data, or does not answer as the task needs.
    """
    check(model, spec, source)
    if tuple(model.inputs[0].shape[1:]) == spec.input_shape:
        return model
    return copy(model, keras.Input(spec.input_shape, dtype=spec.input_dtype, name=model.inputs[0].name))


def _load(file: Path) -> keras.Model:
    try:
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (
        Exception
    ) as error:  # Keras raises anything from KeyError to RuntimeError for a config it cannot follow
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise ModelError(
            f"Keras {keras.__version__} cannot load it: {reason}",
            path=str(file),
            hint="A model with custom objects needs a builder: set model.builder to `module:function`.",
        ) from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"expected a model, found a {type(model).__name__}", path=str(file))
    return model


def _inspect_h5(file: Path) -> None:
    config = inspect_hdf5.check(file, str(file))
    if not config:
        raise ModelError(
            "it holds no model, perhaps only weights",
            path=str(file),
            hint="Save the whole model with model.save(path), not model.save_weights(path).",
        )
    inspect_config.check(config, str(file))


def _inspect_zip(file: Path) -> None:
    """Checks the zip directory, then the config and the weights inside."""
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
            inspect_config.check(archive.read(CONFIG), str(file))
            inspect_hdf5.check(io.BytesIO(archive.read(WEIGHTS)), str(file))
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
            )
        if info.file_size > (
            inspect_hdf5.MAX_BYTES if info.filename == WEIGHTS else inspect_config.MAX_BYTES
        ):
            raise ModelError(f"{info.filename} is too large: {info.file_size:,} bytes", path=path)
    missing = {CONFIG, WEIGHTS} - set(names)
    if missing:
        raise ModelError(f"it has no {min(missing)}", path=path, hint=_SAVE_AGAIN)
