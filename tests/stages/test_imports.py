"""What a stage's own process imports, and what it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from stages.home import Home

from trimtab.config.config import Config

NOT_NEEDED = {"sklearn", "matplotlib", "pandas", "kfp", "kubernetes", "docker", "google.cloud"}

CONFIG = Config.model_validate(
    {
        "data": {"train": "sklearn://digits"},
        "model": {"architecture": "mlp", "params": {"units": 32}},
        "train": {"epochs": 1},
        "recipes": [{"prune": "none", "quantize": ["none", "int8"]}],
    }
)


def imported_by(code: str, *arguments: str) -> set[str]:
    """Runs code in a process of its own, and returns the names of the modules that it has at the end."""
    script = f"{code}\nopen(sys.argv[1], 'w').write(' '.join(sys.modules))"
    names = Path(arguments[0])
    subprocess.run([sys.executable, "-c", script, *arguments], check=True)
    return set(names.read_text().split())


def test_keras_is_imported_without_scikit_learn_which_is_found_later(tmp_path: Path) -> None:
    code = """
import gc, sys
from trimtab.stages.imports import light_imports
with light_imports():
    import keras, keras_tuner
assert gc.isenabled() and gc.get_freeze_count() > 100_000
assert 'sklearn' not in sys.modules
import sklearn.linear_model
frozen = gc.get_freeze_count()
with light_imports():
    import sklearn.svm
assert gc.get_freeze_count() <= frozen
"""
    assert {"keras", "keras_tuner", "sklearn.linear_model"} <= imported_by(code, str(tmp_path / "names"))


def test_the_bayesian_search_finds_scikit_learn(tmp_path: Path) -> None:
    code = """
import sys
from trimtab.stages.imports import light_imports
with light_imports(scikit_learn=True):
    from keras_tuner.oracles import BayesianOptimizationOracle
BayesianOptimizationOracle(objective='val_loss')
"""
    assert "sklearn" in imported_by(code, str(tmp_path / "names"))


def test_stages_that_do_not_train_import_no_tensorflow() -> None:
    code = """
import sys
from importlib import import_module
for stage in ("check_data", "plan", "compare", "deploy", "report"):
    import_module(f"trimtab.stages.{stage}")
    assert not {"tensorflow", "keras", "kfp"} & set(sys.modules), stage
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_stages_that_train_or_convert_import_that_and_no_more(digits_dataset: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "runs", digits_dataset, CONFIG)

    def run(stage: str, *arguments: str) -> tuple[str, set[str]]:
        code = "import importlib, json, sys; stage, given = sys.argv[2], json.loads(sys.argv[3])\n"
        code += "answer = importlib.import_module(f'trimtab.stages.{stage}').run(*given)\n"
        code += "open(sys.argv[4], 'w').write(answer)"
        answer = tmp_path / "answer"
        modules = imported_by(
            code, str(tmp_path / stage), stage, json.dumps([home.run, *arguments]), str(answer)
        )
        return answer.read_text(), modules

    dataset, imported = home.dataset, {}
    values, imported["tune"] = run("tune", dataset)
    model, imported["train"] = run("train", dataset, values)
    pruned, imported["prune"] = run("prune", "1/1", dataset, model)
    quantized, imported["quantize"] = run("quantize", "1/1", dataset, pruned)
    _, imported["evaluate"] = run("evaluate", "1/1", dataset, quantized)
    for stage in ("train", "quantize"):
        assert "keras" in imported[stage], stage
    for stage in ("tune", "prune", "evaluate"):
        assert "keras" not in imported[stage], f"{stage} has nothing to do that needs it"
    for stage, modules in imported.items():
        assert not NOT_NEEDED & modules, stage
    assert "keras_tuner" not in imported["quantize"]
    _, modules = run("train", dataset, values)
    assert "keras" not in modules, "what is there already is not made"
