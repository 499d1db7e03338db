"""The quantize stage as a component calls it, after train, prune and shortlist on real digits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trimtab.config.config import Config
from trimtab.errors import StorageError
from trimtab.runtimes.litert import flatbuffer as litert
from trimtab.stages import prune, quantize, shortlist, train, tune
from trimtab.stages.stage import records
from trimtab.storage import artifact

pytestmark = pytest.mark.slow
CONFIG = Config.model_validate(
    {
        "data": {"train": "sklearn://digits"},
        "model": {"architecture": "mlp", "params": {"units": 32}},
        "train": {"epochs": 4, "learning_rate": 0.005},
        "recipes": [
            {"prune": "none", "quantize": ["none", "int8", "qat_int8"]},
            {"prune": {"method": "two_four", "epochs": 1}, "quantize": ["dynamic_int8"]},
        ],
        "budget": {"max_accuracy_drop": 0.9},
    }
).model_dump_json()
*NAMES, SPARSE = Config.model_validate_json(CONFIG).candidates()
BRANCH = Config.model_validate_json(CONFIG).candidates()[SPARSE].branch.id


@pytest.fixture(scope="module")
def listed(digits_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Returns the arguments that every candidate shares, after the shortlist."""
    folder = tmp_path_factory.mktemp("listed")
    common = {
        "config": CONFIG,
        "run": str(folder / "run"),
        "dataset": str(digits_dataset),
        "hyperparameters": str(folder / "hyperparameters"),
    }
    tune.run(**common)
    train.run(**common, model=str(folder / "model"))
    for recipe in ("none", BRANCH):
        prune.run(**common, recipe=recipe, model=str(folder / "model"), pruned=str(folder / recipe))
    names = shortlist.run(
        config=CONFIG,
        run=common["run"],
        pruned=[str(folder / BRANCH), str(folder / "none")],
        shortlist=str(folder / "shortlist"),
    )
    assert names == [*NAMES, SPARSE]
    return {**common, "shortlist": str(folder / "shortlist")}


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "candidate.json").read_text())
    return found


@pytest.mark.parametrize("name", [*NAMES, SPARSE])
def test_a_candidate_is_a_file_and_what_is_known_of_it(
    name: str, listed: dict[str, str], tmp_path: Path
) -> None:
    quantize.run(**listed, candidate=name, quantized=str(tmp_path / "made"))
    made = artifact.load(tmp_path / "made", "candidate")
    found = content(made.path)
    chosen = Config.model_validate_json(CONFIG).candidates()[name]
    recipe, method = chosen.branch.id, chosen.ending.step.name
    parent = artifact.load(Path(listed["shortlist"]) / recipe, "model")
    assert (found["ok"], found["reason"], found["candidate"]) == (True, "", name)
    assert found["cost"] == parent.lineage["cost"]
    assert 0 < found["max_difference"] < (1e-4 if method == "none" else 0.5)
    assert made.lineage["parent"] == parent.digest
    assert made.lineage["weights_sha256"] == parent.lineage["weights_sha256"]
    assert (litert.int8_operators((made.path / "model.tflite").read_bytes()) > 0) == method.endswith("int8")
    record = next(record for record in records(listed["run"]) if record.item == name)
    assert record.ok
    assert record.summary["size_bytes"] == (made.path / "model.tflite").stat().st_size


def test_the_float_candidate_needs_no_tensorflow(listed: dict[str, str], tmp_path: Path) -> None:
    arguments = {**listed, "candidate": "none--none", "quantized": str(tmp_path / "made")}
    script = """
import json, sys
from trimtab.stages import quantize
quantize.run(**json.loads(sys.argv[1]))
assert not {"tensorflow", "keras", "ai_edge_litert"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script, json.dumps(arguments)], check=True)
    assert content(tmp_path / "made")["ok"]


@pytest.mark.parametrize("defect", [False, True])
def test_a_candidate_that_fails_is_a_reason_and_not_a_failed_stage(
    defect: bool, listed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.compress import ending
    from trimtab.errors import CompressionError

    def refuses(*args: object) -> None:
        raise ZeroDivisionError("a defect") if defect else CompressionError("cannot be done", field="dense_1")

    monkeypatch.setattr(ending, "write", refuses)
    quantize.run(**listed, candidate="none--int8", quantized=str(tmp_path / "made"))
    made = content(artifact.load(tmp_path / "made", "candidate").path)
    reason = "unexpected ZeroDivisionError: a defect" if defect else "dense_1: cannot be done"
    assert (made["ok"], made["reason"], made["cost"]) == (False, reason, None)
    assert not (tmp_path / "made" / "model.tflite").exists()
    record = next(record for record in records(listed["run"]) if record.item == "none--int8")
    assert record.ok
    assert ("ZeroDivisionError" in record.summary.get("traceback", "")) is defect


def test_storage_that_fails_is_no_candidate_less(
    listed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.compress import ending

    def refuses(*args: object) -> None:
        raise StorageError("it kept failing", path="gs://bucket/x")

    monkeypatch.setattr(ending, "write", refuses)
    with pytest.raises(SystemExit, match=str(StorageError.exit_code)):
        quantize.run(**listed, candidate="none--int8", quantized=str(tmp_path / "made"))
    assert not (tmp_path / "made").exists()


def test_a_damaged_shortlist_stops_the_stage(listed: dict[str, str], tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "shortlist"
    shutil.copytree(listed["shortlist"], broken)
    file = broken / "none" / "float" / "model.tflite"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(SystemExit):
        quantize.run(
            **{**listed, "shortlist": str(broken)}, candidate="none--none", quantized=str(tmp_path / "made")
        )
    assert not (tmp_path / "made").exists()
