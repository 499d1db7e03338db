"""A runtime that is one folder and one line goes through a run, beside another one, and is deployed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy_runtime
import pytest
from stages.home import Home

from trimtab import registry
from trimtab.config.config import Config
from trimtab.deploy import servable
from trimtab.stages import data_prep, deploy, evaluate, prune, quantize, select, train, tune

pytestmark = pytest.mark.slow
CONFIG = {
    "data": {"train": "sklearn://digits", "workers": 1},
    "model": {"architecture": "mlp", "params": {"units": 32}},
    "train": {"epochs": 4, "learning_rate": 0.005},
    "runtimes": ["litert", "numpy"],
    "recipes": ["none", ["float16", {"runtime": "numpy"}]],
}


def test_it_is_judged_beside_another_and_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.RUNTIMES, "numpy", "numpy_runtime")
    # The check's process does not know the toy.
    monkeypatch.setattr(servable, "check", servable.repeat_golden)
    config, home = Config.model_validate(CONFIG | {"budget": {"max_size_kb": 11}}), Home(tmp_path / "runs")

    def task(*arguments: object) -> str:
        return home.task(*arguments, sabotage=numpy_runtime.register)

    dataset = data_prep.run(home.run, config.model_dump_json())
    model = task(train.run, dataset, task(tune.run, dataset))
    quantized = task(quantize.run, "1/1", dataset, task(prune.run, "1/1", dataset, model))
    assert task(select.run, dataset, model, [task(evaluate.run, "1/1", dataset, quantized)])
    selected = json.loads(Path(home.run, "selection", "selection.json").read_text())
    assert {each["id"]: (each["runtime"], each["ok"]) for each in selected["candidates"]} == {
        "none--none": ("litert", True),
        "none--none--numpy": ("numpy", True),
        "none--float16--numpy": ("numpy", True),
    }
    assert selected["chosen"] == "none--float16--numpy"
    version = Path(deploy.run(home.run, dataset, model))
    assert (version / "model.npz").is_file()
    assert json.loads((version / "metadata.json").read_text())["runtime"]["name"] == "numpy"
