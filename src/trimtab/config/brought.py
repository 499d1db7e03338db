"""What may be asked of a model that its user brings: a file of Keras', or one in a runtime's own format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.config.chains import USUAL_RUNTIME, Chain
from trimtab.config.methods import passes, quantizations
from trimtab.config.model import Model
from trimtab.config.problems import Problems
from trimtab.config.train import Train
from trimtab.registry import RUNTIMES, module

SAVED_MODEL = "saved_model.pb"
"""The file of a SavedModel's graph, by which its directory is named in a config."""

_NEEDS_TRAINING = "gradients"


def ending_of(archive: str | None) -> str:
    """Returns the ending of a model's file, such as ``.onnx``; empty where there is none."""
    return f".{archive.rpartition('.')[2].lower()}" if archive else ""


def is_saved_model(archive: str | None) -> bool:
    """Returns whether it is the graph of a SavedModel, which every runtime has a converter for."""
    return ending_of(archive) == ".pb"


def own_runtime(archive: str | None) -> str:
    """Returns the runtime that judges a file which is no Keras model; empty where it is one.

    It is the one whose own format the file is in; of a SavedModel, the usual one.
    """
    if is_saved_model(archive):
        return USUAL_RUNTIME
    ending = ending_of(archive)
    return next((name for name in RUNTIMES if _declared(name).reads[:1] == (ending,)), "")


def reads(runtime: str, archive: str) -> bool:
    """Returns whether a runtime takes a model's file as it is."""
    return is_saved_model(archive) or ending_of(archive) in _declared(runtime).reads


def requantizes(runtime: str, quantization: str, archive: str) -> bool:
    """Returns whether a runtime has a quantization for a model's file that others made."""
    known = _declared(runtime)
    return quantization in (known.quantizers if is_saved_model(archive) else known.requantizes)


def check(
    model: Model, train: Train, chains: Sequence[Chain], runtimes: Sequence[str], *, is_tuned: bool
) -> None:
    """Refuses what cannot be done with the model that is brought, or without training rows.

    Args:
        model: The ``model`` section.
        train: The ``train`` section.
        chains: Those of the recipes.
        is_tuned: Whether hyper-parameters are searched for.
        runtimes: Their runtimes.

    Raises:
        ValidationError: If something cannot.
    """
    problems = Problems()
    if train.epochs == 0 and model.archive is None:
        problems.add(("train", "epochs"), "0 is for a model that is brought: model.archive", 0)
    if train.epochs == 0 and is_tuned:
        problems.add(("tune",), "nothing is trained (train.epochs: 0), so there is nothing to search")
    if train.freeze and model.architecture is not None:
        problems.add(
            ("train", "freeze"),
            "an architecture of ours knows nothing yet: frozen, it would learn nothing",
            True,
        )
    if model.archive is not None and own_runtime(model.archive):
        _check_files(problems, model.archive, train, chains, runtimes)
    elif not train.fine_tuning:
        for chain in chains:
            for name in _training(chain):
                message = f"{name} trains, and there are no training rows: give them by --train (data.train)"
                problems.add(("recipes", *chain.place), message)
    problems.refuse("Config")


def _training(chain: Chain) -> list[str]:
    """Returns the names of a chain's steps that train."""
    known = {**passes(), **quantizations(chain.runtime)}
    return [
        step.name for step in (*chain.steps, chain.quantization) if _NEEDS_TRAINING in known[step.name].needs
    ]


def _check_files(
    problems: Problems, archive: str, train: Train, chains: Sequence[Chain], runtimes: Sequence[str]
) -> None:
    """Adds what a model that is in a runtime's files cannot do."""
    is_graph = is_saved_model(archive)
    what = "a SavedModel" if is_graph else f"a {ending_of(archive)} file"
    if is_graph and not archive.endswith(f"/{SAVED_MODEL}"):
        message = (
            f"expected the directory of a SavedModel, or its {SAVED_MODEL}: a frozen graph has no signature"
        )
        problems.add(("model", "archive"), message, archive)
        return
    if train.epochs != 0:
        message = f"{what} cannot be trained; `trimtab compress` takes it as it is (train.epochs: 0)"
        problems.add(("model", "archive"), message)
        return
    for name in runtimes:
        if not reads(name, archive):
            problems.add(
                ("runtimes",), f"{name} does not read {what}; {own_runtime(archive)} does", list(runtimes)
            )
    for chain in chains:
        place = ("recipes", *chain.place)
        for step in chain.steps:
            problems.add(place, f"{step.name} changes a Keras model, and {what} is none")
        if reads(chain.runtime, archive) and not requantizes(chain.runtime, chain.quantization.name, archive):
            message = f"{chain.runtime} has no {chain.quantization.name} for {what}"
            problems.add(place, message + ("" if is_graph else _missing(chain)))


def _missing(chain: Chain) -> str:
    """Returns which extra would quantize a file so, in words, or nothing."""
    declared = _declared(chain.runtime)
    is_there = len(declared.requantizes) > 1  # as they are, files are taken without it
    would = bool(declared.file_extra) and chain.quantization.name in declared.quantizers and not is_there
    return f" without trimtab[{declared.file_extra}]" if would else ""


def _declared(runtime: str) -> Any:
    return module(RUNTIMES, runtime).RUNTIME
