"""The tune stage as a component calls it; the search itself is tested in ``tests/tune``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stages.home import Home

from trimtab.artifacts import hyperparameters
from trimtab.artifacts.hyperparameters import Hyperparameters, TuneSummary
from trimtab.config.config import Config


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
