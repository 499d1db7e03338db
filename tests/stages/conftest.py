"""Real candidates on real digits, without TensorFlow: logistic regressions as LiteRT files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from stages.home import Home
from stages.retraining import BAD, ROWS, Begun, Service, constant_times, rows

from trimtab.artifacts.shard import Outcome
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.evaluate import latency
from trimtab.stages import children, model_form, trial

SHAPE = (8, 8, 1)
PADDING = 30_000


@pytest.fixture(scope="session")
def digits_weights(digits_dataset: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights (10, 64) and the bias (10,) of a good linear classifier of the digits."""
    data = Dataset.open(digits_dataset)
    x, y = data.arrays("train")
    fitted = LogisticRegression(max_iter=2000).fit(data.model_input(x).reshape(len(x), -1), y)
    return fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32)


def five_candidates(**budget: object) -> Config:
    """Returns a config of five candidates, given the budget."""
    recipes = [
        {"prune": "none", "quantize": ["none", "float16", "int8"]},
        {"prune": {"method": "magnitude", "sparsity": 0.5}, "quantize": ["none"]},
        {"prune": {"method": "channels", "ratio": 0.5}, "quantize": ["none"]},
    ]
    return Config.model_validate(
        {
            "data": {"train": "sklearn://digits"},
            "model": {"architecture": "cnn"},
            "recipes": recipes,
            "budget": budget,
        }
    )


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets stages in this process fork also after a test that ran TensorFlow in it.

    What they fork must not run it. A child that starts afresh takes a second, and a retraining has five.
    Nor need each of them import what runs a LiteRT model.
    """
    import_module("trimtab.runtimes.litert.model")
    monkeypatch.setattr(children, "_can_fork", lambda: True)


@pytest.fixture
def home(tmp_path: Path, digits_dataset: Path, forked: None) -> Home:
    """Returns a run on the digits, with a trained model."""
    made = Home(tmp_path / "runs", digits_dataset, five_candidates())
    made.model()
    return made


@pytest.fixture
def digits_candidates(
    home: Home, linear_tflite: Callable[..., bytes], digits_weights: tuple[np.ndarray, np.ndarray]
) -> dict[str, Outcome]:
    """Returns a baseline, one as good and smaller, one that failed, and one that has unlearned."""
    weights, bias = digits_weights
    baseline = linear_tflite(weights, bias, shape=SHAPE)
    half = linear_tflite(weights.astype(np.float16), bias.astype(np.float16), shape=SHAPE)
    noise = np.random.default_rng(0).normal(0, 1.0, weights.shape).astype(np.float32)
    return {
        "none--none": home.file("none--none", baseline + bytes(PADDING)),
        "none--float16": home.file("none--float16", half),
        "none--int8": Outcome(reason="LiteRT has no 8-bit kernel for TANH"),
        "magnitude-0.5--none": home.file(
            "magnitude-0.5--none", linear_tflite(weights + noise, bias, shape=SHAPE)
        ),
    }


@pytest.fixture
def constant_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every model take as long: to measure it takes five fresh processes, and no test may hang on it."""
    monkeypatch.setattr(latency, "sample", constant_times)


@pytest.fixture
def _steady(monkeypatch: pytest.MonkeyPatch, constant_latency: None, forked: None) -> None:
    # It takes a fresh process each time; `test_run_challenges.py` tries champions as a run does.
    monkeypatch.setattr(trial, "crash_of", lambda *_: None)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """Returns services that several tests begin with."""
    return Begun(tmp_path_factory.mktemp("services") / "service", tmp_path_factory.mktemp("begun"))


@pytest.fixture
def service(tmp_path: Path, linear_tflite: Callable[..., bytes], _steady: None) -> Service:
    """Returns a target with data and no model yet."""
    return with_data(tmp_path / "service", linear_tflite)


def with_data(root: Path, linear_tflite: Callable[..., bytes]) -> Service:
    """Returns a target with data and no model yet, in a directory that is none yet."""
    made = Service(root, linear_tflite)
    made.write("january.csv", rows(ROWS, seed=1))
    return made


@pytest.fixture
def serving(begun: Begun, linear_tflite: Callable[..., bytes], _steady: None) -> Callable[..., Service]:
    """Returns a function that returns a target with a model in service, given how `retrain` made it."""

    def serving(**given: Any) -> Service:
        def make() -> Service:
            made = with_data(begun.place, linear_tflite)
            assert made.retrain(**given).status == "deployed"
            return made

        return begun.at(f"served {given}", make)

    return serving


@pytest.fixture
def served(serving: Callable[..., Service]) -> Service:
    """Returns a target with a good model in service."""
    return serving()


@pytest.fixture
def bad(serving: Callable[..., Service]) -> Service:
    """Returns a target with a bad model in service."""
    return serving(spoiled=BAD)


@pytest.fixture(scope="module")
def plain_numbers() -> Iterator[None]:
    """Leaves numbers of tables one slot each, for models that are made by hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_form, "IN_PIECES", ())
        yield
