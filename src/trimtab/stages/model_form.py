"""In what form the config's model takes numbers and answers: an archive may have one of its own."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.config.model import InputRange, Model, ReadingLimits
from trimtab.data.encoders import preset as encoders
from trimtab.data.encoders.form import PIXELS, STANDARDIZED, Form
from trimtab.errors import ModelError
from trimtab.models.first_layers import Expected, expected
from trimtab.models.presets.source import directory, is_application
from trimtab.registry import IN_PIECES
from trimtab.runtimes import saved_models, sources
from trimtab.stages import children
from trimtab.stages.children import MemoryLimit, TimeLimit
from trimtab.storage.copies import local_copies

_ARCHIVE = "model.archive"
_INSTEAD = "Save the model again with model.save(path), or build it in Python: set model.builder."
_BYTES_PER_SECOND = 20 << 20
"""How fast a large file is read at least."""
_KERAS_MB, _KERAS_S = 768, 60.0
"""What TensorFlow and Keras take before they do anything; a few seconds where nothing else runs."""
_USUAL = (PIXELS, STANDARDIZED, (0.0, 1.0))


def form_of(model: Model) -> tuple[Form, list[str]]:
    """Returns the form of the data that a model takes and answers, and what people should know of it.

    Args:
        model: The ``model`` section.

    Raises:
        ModelError: If the archive is missing, damaged or unsafe.
    """
    if model.preset is not None:
        return _form_of_preset(model.preset), []
    if model.archive is None:
        return Form(pieces=model.architecture in IN_PIECES), []
    input_range, notes = _input_range(model, model.archive)
    return Form(input_range, model.output == "raw", tuple(model.classes or ())), notes


def _form_of_preset(preset: str) -> Form:
    """Returns what a preset takes: raw pixels of its size, or the tokens of its own."""
    if is_application(preset):
        return Form("raw")
    with directory(preset) as files:
        if (words := encoders.tokens(files)) is not None:
            return Form(tokens=words)
        return Form("raw", image=encoders.image_size(files))


def with_keras(limits: ReadingLimits) -> ReadingLimits:
    """Returns the limits of a child that imports TensorFlow first, if that is not here yet."""
    return limits.model_copy(
        update={"seconds": limits.seconds + _KERAS_S, "memory_mb": limits.memory_mb + _KERAS_MB}
    )


def _input_range(model: Model, archive: str) -> tuple[InputRange, list[str]]:
    """Returns what the config says, else what the archive says of itself."""
    expectation = _expected(archive, model.limits, is_built=model.builder is not None)
    if model.input is not None:
        return model.input, []
    return (expectation.range, [_told(expectation)]) if expectation else ("standardized", [])


def _expected(archive: str, limits: ReadingLimits, *, is_built: bool) -> Expected | None:
    """Opens an archive for the first time, also where the config says what it takes."""
    if sources.own_runtime(archive) is not None:
        with sources.fetched(archive) as file:
            is_graph = saved_models.is_saved_model(file)
            limits = with_keras(limits) if is_graph else limits
            return _answered(archive, file, limits, _leave_by_tensor)
    with local_copies() as copies:
        file = Path(copies.local(archive))
        return _answered(archive, file, limits, _leave_by_layers, limits.weights_mb << 20, is_built)


def _answered(
    archive: str, file: Path, limits: ReadingLimits, work: Callable[..., None], *arguments: Any
) -> Expected | None:
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        answer = Path(scratch) / "expected"
        bounded(archive, file, limits, work, str(file), str(answer), *arguments)
        found: Expected | None = pickle.loads(answer.read_bytes())
        return found


def bounded(
    archive: str, file: Path, limits: ReadingLimits, work: Callable[..., None], *arguments: Any
) -> None:
    """Does work on a saved model in a child, as nobody knows what reading it takes.

    The limits grow with the file: an honest one is read once, and its weights are in memory meanwhile.

    Args:
        archive: What the config names.
        file: Its copy here.
        limits: The config's.
        work: A function of a module.
        arguments: Its arguments, which can be pickled.

    Raises:
        ModelError: If it took too much, or died.
        TrimtabError: What the work raised.
    """
    size = file.stat().st_size if file.is_file() else 0
    crash = children.run(
        archive,
        work,
        *arguments,
        limit=TimeLimit(limits.seconds + size / _BYTES_PER_SECOND, "model.limits.seconds"),
        memory=MemoryLimit((limits.memory_mb << 20) + 2 * size, "model.limits.memory_mb", _INSTEAD),
    )
    if crash is None:
        return
    if crash.error is not None and not crash.was_killed:
        raise crash.error
    field = crash.error.field if crash.error is not None else None
    raise ModelError(
        f"it cannot be opened: {crash.reason.splitlines()[0]}", path=archive, field=field, hint=_INSTEAD
    )


def _leave_by_layers(file: str, answer: str, most_bytes: int, is_built: bool) -> None:
    """Leaves what a file says of its input in another one."""
    Path(answer).write_bytes(pickle.dumps(expected(Path(file), most_bytes, is_built=is_built)))


def _leave_by_tensor(file: str, answer: str) -> None:
    """Leaves what the input of a runtime's file says in another one."""
    Path(answer).write_bytes(pickle.dumps(_expected_by_tensor(Path(file))))


def _expected_by_tensor(file: Path) -> Expected | None:
    """Returns what the input of a runtime's file says: bytes, or 8-bit integers that stand for a range."""
    serving = sources.own_runtime(str(file))
    assert serving is not None
    own = saved_models if saved_models.is_saved_model(file) else serving
    limits = own.input_limits(file)
    if limits is None:
        return None
    return Expected(_nearest(limits), f"its 8-bit input stands for {limits[0]:.4g} to {limits[1]:.4g}")


def _nearest(limits: tuple[float, float]) -> tuple[float, float]:
    """Returns the usual range that calibrated limits nearly are, else the limits."""
    step = (limits[1] - limits[0]) / 255
    near = (usual for usual in _USUAL if np.abs(np.subtract(usual, limits)).max() <= 2 * step)
    return next(near, limits)


def _told(expectation: Expected) -> str:
    what = {"raw": "raw numbers (pixels 0..255, columns of a table as they are)"}
    wanted = what.get(str(expectation.range), str(list(expectation.range)))
    return f"the archive is fed {wanted}, because {expectation.why}; model.input says otherwise if it must"
