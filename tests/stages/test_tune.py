"""The tune stage as a component calls it; the search itself is tested in ``tests/tune``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from trimtab.config.config import Config
from trimtab.storage import artifact


def test_without_a_search_nothing_is_read_and_tensorflow_stays_out(tmp_path: Path) -> None:
    config = Config.model_validate({"data": {"train": "x"}, "model": {"architecture": "mlp"}})
    arguments = {
        "config": config.model_dump_json(),
        "run": str(tmp_path),
        "dataset": "unused",
        "hyperparameters": str(tmp_path / "hyperparameters"),
    }
    script = f"""
import sys
from trimtab.stages import tune
tune.run(**{arguments!r})
assert not {{"tensorflow", "keras", "keras_tuner"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    found = artifact.load(tmp_path / "hyperparameters", "hyperparameters")
    assert json.loads((found.path / "hyperparameters.json").read_text()) == {}
