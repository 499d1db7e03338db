"""In what form the config's model takes numbers and answers: an archive may have one of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trimtab.config.model import InputRange, Model
from trimtab.data.encoders.form import PIXELS, STANDARDIZED, Form
from trimtab.models.first_layers import Expected, expected
from trimtab.runtimes import sources
from trimtab.storage.copies import local_copies

_USUAL = (PIXELS, STANDARDIZED, (0.0, 1.0))


def form_of(model: Model) -> tuple[Form, list[str]]:
    """Returns the form of the data that a model takes and answers, and what people should know of it.

    Args:
        model: The ``model`` section.

    Raises:
        ModelError: If the archive is missing, damaged or unsafe.
    """
    if model.archive is None:
        return Form(), []
    input_range, notes = _input_range(model, model.archive)
    return Form(input_range, model.output == "raw", tuple(model.classes or ())), notes


def _input_range(model: Model, archive: str) -> tuple[InputRange, list[str]]:
    """Returns what the config says, else what the archive says of itself."""
    if model.input is not None:
        return model.input, []
    expectation = _expected(archive)
    return (expectation.range, [_told(expectation)]) if expectation else ("standardized", [])


def _expected(archive: str) -> Expected | None:
    if sources.own_runtime(archive) is not None:
        with sources.fetched(archive) as file:
            return _expected_by_tensor(file)
    with local_copies() as copies:
        return expected(Path(copies.local(archive)))


def _expected_by_tensor(file: Path) -> Expected | None:
    """Returns what the input of a runtime's file says: bytes, or 8-bit integers that stand for a range."""
    serving = sources.own_runtime(str(file))
    assert serving is not None
    limits = serving.input_limits(file)
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
