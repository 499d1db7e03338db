"""What `trimtab compress` makes of a config: the model as it came is the baseline, and is not trained.

Where there are training rows, passes may fine-tune on them. Where there are none, a share of the labelled
rows is set aside by the hash of their content: half of it calibrates, half of it chooses, and neither is
tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from trimtab.config import brought
from trimtab.config.chains import USUAL_RUNTIME
from trimtab.config.config import Config
from trimtab.config.methods import FLOAT, installed, quantizations
from trimtab.config.recipes import USUAL
from trimtab.errors import ConfigError
from trimtab.registry import RUNTIMES

SET_ASIDE = 0.2
"""Share of labelled rows that are not tested on, where no training rows are given."""

AUTO = "auto"
NEEDS_ROWS = "it is fine-tuned, which needs training rows: give --train (data.train)"
"""Why a candidate is left out."""

_SHORT_EPOCHS = 3
_OF_NARROWER = ("dynamic_int8", "int8")
_NARROWER = {"channels": {"ratio": [0.25, 0.5], "epochs": _SHORT_EPOCHS}}


def complete(values: dict[str, Any], path: str) -> None:
    """Fills in what compressing a model asks for, in place; other sections stay as they are.

    Args:
        values: The config as it was written, before it is validated.
        path: Where it was written, for messages.

    Raises:
        ConfigError: If it brings no model, or no labelled rows.
    """
    model, data, train = (_section(values, name) for name in ("model", "data", "train"))
    if not model.get("archive"):
        raise ConfigError(
            "expected the file of a trained model",
            path=path,
            field="model.archive",
            hint="`trimtab run` trains a model and compresses it.",
        )
    if not data.get("train") and not isinstance(data.get("test"), str):
        raise ConfigError(
            "expected labelled rows", path=path, field="data.test", hint="On the command line: --data FILE."
        )
    values.pop("tune", None)
    train["epochs"] = 0
    if model.get("output") is None:
        model["output"] = "raw"
    if not data.get("train"):
        train["fine_tuning"] = False
        _share_out(data)
    runtimes = values["runtimes"] = _runtimes(values.get("runtimes"), str(model["archive"]))
    if values.get("recipes") is None:
        values["recipes"] = _recipes(
            str(model["archive"]), runtimes, narrower=bool(train.get("fine_tuning", True))
        )


def _section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Returns a section to change; one that is none is left for the validation to tell."""
    section = values.setdefault(name, {})
    if section is None:
        section = values[name] = {}
    return section if isinstance(section, dict) else {}


def _share_out(data: dict[str, Any]) -> None:
    """Makes the test rows the source of all splits."""
    data["train"] = data.pop("test")
    if data.get("split") is None:
        validation = {} if data.get("validation") else {"validation": 0.5}
        data["split"] = {"test": 1 - SET_ASIDE, **validation}


def _runtimes(given: Any, archive: str) -> list[Any]:
    """Returns the runtimes that are named; of a runtime's files, its own; `auto` is whoever reads them."""
    mine = brought.own_runtime(archive)
    listed = given if isinstance(given, list) else [given or mine or USUAL_RUNTIME]
    if not mine or not all(isinstance(name, str) for name in listed):
        return listed
    readers = [name for name in (mine, *installed()) if brought.reads(name, archive)]
    named = [each for name in listed for each in (readers if name == AUTO else [name])]
    return list(dict.fromkeys(named))


def _recipes(archive: str, runtimes: list[Any], *, narrower: bool) -> list[Any]:
    """Returns what is tried by default: what trains nothing, and with training rows narrower models."""
    known = [name for name in (installed() if AUTO in runtimes else runtimes) if str(name) in RUNTIMES]
    if brought.own_runtime(archive):
        return [[_among(USUAL, known, partial(brought.requantizes, archive=archive))]]
    smaller = [_NARROWER, _among(_OF_NARROWER, known, _has)]
    return [[_among(USUAL, known, _has)], *([smaller] if narrower else [])]


def left_out(config: Config) -> list[str]:
    """Returns the candidates that training rows would add: only where the usual recipes are tried without.

    Args:
        config: The resolved config.
    """
    archive, tried = config.model.archive, config.candidates()
    if (
        archive is None
        or config.train.epochs != 0
        or config.train.fine_tuning
        or brought.own_runtime(archive)
    ):
        return []
    usual, more = (
        config.model_copy(update={"recipes": _recipes(archive, config.runtimes, narrower=narrower)})
        for narrower in (False, True)
    )
    return [] if usual.candidates() != tried else [name for name in more.candidates() if name not in tried]


def _among(names: Sequence[str], runtimes: Sequence[str], has: Callable[[str, str], bool]) -> list[str]:
    """Returns the quantizations that at least one of the runtimes has."""
    return [name for name in names if any(has(runtime, name) for runtime in runtimes)] or [FLOAT]


def _has(runtime: str, quantization: str) -> bool:
    return quantization in quantizations(runtime)
