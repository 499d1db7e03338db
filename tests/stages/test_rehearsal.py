"""What a rehearsal tries, what it makes of what fails, and that it is heeded."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from stages.home import Home

from trimtab.artifacts.model import TrainSummary
from trimtab.artifacts.rehearsal import Rehearsal
from trimtab.artifacts.shard import PRUNED, QUANTIZED
from trimtab.config.code import Code, digest
from trimtab.config.config import Config
from trimtab.errors import CompressionError, ModelError
from trimtab.stages import prune, quantize, rehearsal, train
from trimtab.stages.children import Crash
from trimtab.stages.making import heard
from trimtab.stages.making.heard import ENDING, STEPS, Heard, Part

RECIPES: list[Any] = [
    [["none", "int8"]],
    [{"channels": [0.2, 0.4]}, ["none", "int8"]],
    [{"magnitude": 0.5}, "none"],
]


def config(recipes: list[Any] = RECIPES, **model: object) -> Config:
    return Config.model_validate(
        {
            "data": {"train": "sklearn://digits"},
            "model": model or {"architecture": "mlp"},
            "train": {"epochs": 1},
            "recipes": recipes,
            "budget": {"max_accuracy_drop": 0.5},
        }
    )


class Child:
    """What rehearses: it knows which candidates fail, at what, and which end the process.

    Attributes:
        rounds: The candidates of each process.
    """

    def __init__(self, fails: dict[str, Part] | None = None, crashes: dict[str, list[str]] | None = None):
        self.rounds: list[list[str]] = []
        self._fails, self._crashes = fails or {}, crashes or {}

    def __call__(self, names: Collection[str], file: Path) -> Crash | None:
        self.rounds.append(list(names))
        for name in names:
            one = Heard(candidate=name, part=self._fails.get(name, ENDING))
            heard.say(file, one)
            if signals := self._crashes.get(name):
                return Crash(None, f"ended by {signals[0]}", was_killed=True, signal=signals.pop(0))
            one.outcome = "fails" if name in self._fails else "works"
            one.reason = f"no {one.part}" if name in self._fails else ""
            heard.say(file, one)
        return None


def test_one_of_each_kind_is_tried() -> None:
    child = Child()
    outcome = rehearsal.hold(config(), child)
    assert child.rounds[0] == ["none--none", "none--int8", "channels-0.2--none", "magnitude-0.5--none"]
    assert (outcome.branches, outcome.candidates) == ({}, {})


def test_where_one_fails_those_like_it_are_tried() -> None:
    child = Child({"channels-0.2--none": STEPS})
    outcome = rehearsal.hold(config(), child)
    assert child.rounds[1] == ["channels-0.2--int8", "channels-0.4--none", "channels-0.4--int8"]
    assert outcome.branches == {"channels-0.2": "no steps"}
    assert outcome.reason("channels-0.2--int8", "channels-0.2") == "no steps"
    assert outcome.reason("channels-0.4--int8", "channels-0.4") == ""


def test_a_file_that_cannot_be_made_costs_the_candidate() -> None:
    outcome = rehearsal.hold(config(), Child({"none--int8": ENDING, "channels-0.4--int8": ENDING}))
    assert outcome.candidates == {"none--int8": "no ending", "channels-0.4--int8": "no ending"}
    assert outcome.branches == {}


def test_what_crashes_alone_too_is_to_blame_and_the_rest_is_tried() -> None:
    child = Child(crashes={"none--int8": ["SIGSEGV", "SIGSEGV"], "channels-0.2--none": ["SIGABRT"]})
    outcome = rehearsal.hold(config(), child)
    assert outcome.candidates == {"none--int8": "SIGSEGV ended the process that made litert's int8 of it"}
    assert outcome.branches == {}
    assert "magnitude-0.5--none" in outcome.tried


def test_a_lack_of_memory_says_nothing_of_the_model() -> None:
    outcome = rehearsal.hold(config(), Child(crashes={"none--int8": ["SIGKILL", "SIGKILL"]}))
    assert outcome.candidates == {}


def test_a_model_that_cannot_be_built_is_no_candidate_less() -> None:
    with pytest.raises(ModelError, match="no model"):
        rehearsal.hold(config(), lambda *_: Crash(ModelError("no model"), "no model"))


def test_what_ends_a_rehearsal_otherwise_leaves_the_rest_to_the_run(capfd: Any) -> None:
    outcome = rehearsal.hold(config(), lambda *_: Crash(None, "ended after 180 s", was_killed=True))
    assert outcome == Rehearsal()
    assert "not all was tried: ended after 180 s" in capfd.readouterr().err


def test_a_baseline_that_cannot_be_served_ends_the_run() -> None:
    with pytest.raises(ModelError, match="cannot be served, whatever it learns: dense: no kernel"):
        rehearsal.check(config(), Rehearsal(candidates={"none--none": "dense: no kernel"}))


def test_recipes_that_all_fail_end_the_run_and_others_do_not() -> None:
    failed = Rehearsal(branches={"channels-0.2": "no channels"})
    with pytest.raises(ModelError, match=r"none of them can be made.*\n  channels-0.2--int8: no channels"):
        rehearsal.check(config([[{"channels": 0.2}, "int8"]]), failed)
    rehearsal.check(config([[{"channels": 0.2}, "int8"], ["none"]]), failed)


BUILDER = """
import keras
from keras import layers


def build(hp, spec):
    inputs = keras.Input(spec.input_shape)
    x = layers.Dense(40, activation="relu")(layers.Flatten()(inputs))
    return keras.Model(inputs, layers.Dense(spec.outputs, activation="softmax")(x))
"""


def _brought(recipes: list[Any]) -> Config:
    files = {"rehearsed_model.py": BUILDER}
    code = Code(files=files, sha256=digest(files))
    return config(recipes, builder="rehearsed_model:build", code=code.model_dump())


def converter_crashes() -> None:
    """Lets the process end wherever a model is converted to 8 bits."""
    ending: Any = import_module("trimtab.compress.ending")
    usual = ending.runtime

    def runtime(name: str) -> Any:
        found = usual(name)

        class Crashing(type(found)):  # type: ignore[misc]
            def convert(self, model: Any, quantizer: str, *rest: Any) -> Any:
                if quantizer == "int8":
                    os.kill(os.getpid(), signal.SIGSEGV)
                return found.convert(model, quantizer, *rest)

        return Crashing()

    ending.runtime = runtime


def refuses_magnitude() -> None:
    """Lets a pass refuse every model."""
    from trimtab.compress import magnitude

    def refuse(*_: object) -> None:
        raise CompressionError("cannot be done", field="dense")

    magnitude.MagnitudePruning.__call__ = refuse  # type: ignore[method-assign, assignment]


def both() -> None:
    converter_crashes()
    refuses_magnitude()


@pytest.mark.slow
def test_what_fails_is_said_before_training_and_left_out(digits_dataset: Path, tmp_path: Path) -> None:
    recipes = [[["none", "int8"]], [{"magnitude": 0.5}, "none"]]
    home = Home(tmp_path / "runs", digits_dataset, _brought(recipes))
    _task(home, train.run, both)
    record = home.record("train")
    assert record.warnings[:2] == [
        "magnitude-0.5 cannot be made of this model, and is left out: dense: cannot be done",
        "none--int8 cannot be made of this model, and is left out: "
        "SIGSEGV ended the process that made litert's int8 of it",
    ]
    assert record.read(TrainSummary)

    ref = home.task(prune.run, "1/1", home.dataset, home.trained)
    outcomes = home.made(PRUNED, ref)
    assert {name: bool(outcome.ref) for name, outcome in outcomes.items()} == {
        "none": True,
        "magnitude-0.5": False,
    }
    made = home.made(QUANTIZED, home.task(quantize.run, "1/1", home.dataset, ref))
    assert made["none--none"].ref
    assert "SIGSEGV" in made["none--int8"].reason
    entry = next(one for one in home.record("quantize", "1/1").entries if one.name == "none--int8")
    assert (entry.ok, entry.reason) == (False, made["none--int8"].reason)


@pytest.mark.slow
def test_no_epoch_is_trained_of_a_model_that_nothing_can_be_made_of(
    digits_dataset: Path, tmp_path: Path, capfd: Any
) -> None:
    home = Home(tmp_path / "runs", digits_dataset, _brought([[{"magnitude": 0.5}, "none"]]))
    with pytest.raises(SystemExit, match="2"):
        _task(home, train.run, refuses_magnitude)
    assert "none of them can be made of this model" in home.record("train").error
    assert "epoch 1/" not in capfd.readouterr().err


def _task(home: Home, work: Callable[..., Any], sabotage: Callable[[], None]) -> None:
    home.trained = home.task(work, home.dataset, home.hyperparameters(), sabotage=sabotage)
