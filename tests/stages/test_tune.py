"""The tune stage as a component calls it; the search itself is tested in ``tests/tune``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from stages.deployed import prepared
from stages.home import Home

from trimtab.artifacts import hyperparameters
from trimtab.artifacts.hyperparameters import Hyperparameters, TuneSummary
from trimtab.config.code import Code, digest
from trimtab.config.config import Config
from trimtab.stages import tune

BUILDER = """
import keras


def build(hp, spec):
    hidden = keras.layers.Dense(hp.Int("units", 4, 8), activation="relu")
    last = keras.layers.Dense(spec.outputs, activation="softmax")
    return keras.Sequential([keras.Input(spec.input_shape), keras.layers.Flatten(), hidden, last])
"""


def test_without_a_search_nothing_is_read_and_tensorflow_stays_out(tmp_path: Path) -> None:
    config = Config.model_validate({"data": {"train": "x"}, "model": {"architecture": "mlp"}})
    home = Home(tmp_path / "runs", config=config)
    script = f"""
import sys
from trimtab.stages import tune
print(tune.run({home.run!r}, "unused"))
assert not {{"tensorflow", "keras", "keras_tuner"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert hyperparameters.read(home.store, done.stdout.strip()) == Hyperparameters()
    assert home.record("tune").read(TuneSummary).skipped


@pytest.mark.slow
def test_a_model_that_is_rehearsed_can_be_searched_by_what_needs_scikit_learn(tmp_path: Path) -> None:
    """A rehearsal imports Keras in the stage's process first, as light as it goes."""
    files = {"searched_model.py": BUILDER}
    config = Config.model_validate(
        {
            "data": {"train": "sklearn://iris"},
            "model": {
                "builder": "searched_model:build",
                "code": Code(files=files, sha256=digest(files)).model_dump(),
            },
            "tune": {"algorithm": "bayesian", "trials": 2, "epochs": 1},
            "recipes": ["none"],
        }
    )
    home = Home(tmp_path / "runs")
    prepared(home, config)
    found = hyperparameters.read(home.store, home.task(tune.run, home.dataset, afresh=True))
    assert "units" in found.model
