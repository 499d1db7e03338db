"""The quantize stage as a component calls it, after train and prune on real digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stages.home import Home

from trimtab.artifacts.file import FileLineage, FileSummary
from trimtab.artifacts.model import ModelSummary
from trimtab.artifacts.shard import QUANTIZED, Outcome
from trimtab.config.config import Config
from trimtab.errors import CompressionError, StorageError
from trimtab.runtimes.litert import flatbuffer as litert
from trimtab.stages import prune, quantize, train, tune

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
)
CANDIDATES = CONFIG.candidates()
NAMES = list(CANDIDATES)
SPARSE = NAMES[-1]


@pytest.fixture(scope="module")
def pruned(digits_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """Returns a run after prune, and what that made."""
    home = Home(tmp_path_factory.mktemp("pruned") / "runs", digits_dataset, CONFIG)
    home.trained = home.task(train.run, home.dataset, home.task(tune.run, home.dataset))
    return home, home.task(prune.run, "1/1", home.dataset, home.trained)


@pytest.fixture(scope="module")
def made(
    pruned: tuple[Home, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, dict[str, Outcome]]:
    """Returns a run whose candidates were all made, which no test changes."""
    home = pruned[0].copy(tmp_path_factory.mktemp("made") / "runs")
    return home, quantized(home, pruned[1])


def quantized(home: Home, ref: str, sabotage: Any = None) -> dict[str, Outcome]:
    return home.made(QUANTIZED, home.task(quantize.run, "1/1", home.dataset, ref, sabotage=sabotage))


def entries(home: Home) -> dict[str, Any]:
    return {entry.name: entry for entry in home.record("quantize", "1/1").entries}


@pytest.mark.parametrize("name", NAMES)
def test_a_candidate_is_a_file_and_what_is_known_of_it(
    name: str, made: tuple[Home, dict[str, Outcome]]
) -> None:
    home, outcomes = made
    assert list(outcomes) == NAMES
    manifest, method = home.store.find(outcomes[name].ref), CANDIDATES[name].ending.step.name
    summary = FileSummary.model_validate(manifest.summary)
    parent = home.store.find(FileLineage.model_validate(manifest.lineage).model)
    assert summary.cost == ModelSummary.model_validate(parent.summary).cost
    assert 0 < summary.max_difference < (1e-4 if method == "none" else 0.5)
    content = (home.path(outcomes[name].ref) / "model.tflite").read_bytes()
    assert (litert.int8_operators(content) > 0) == method.endswith("int8")
    assert summary.size_bytes == len(content)
    assert summary.graph.executed <= summary.graph.operators < summary.graph.operations
    assert summary.runtime == "litert"
    assert entries(home)[name].read(FileSummary) == summary


def test_another_budget_makes_nothing(
    pruned: tuple[Home, str], made: tuple[Home, dict[str, Outcome]], tmp_path: Path
) -> None:
    home = made[0].copy(tmp_path / "runs", run="another")
    home.configure(
        CONFIG.model_copy(update={"budget": CONFIG.budget.model_copy(update={"max_size_kb": 9.0})})
    )
    assert quantized(home, pruned[1]) == made[1]
    assert home.record("quantize", "1/1").reused


def test_candidates_of_a_model_that_goes_no_further_keep_its_reason(
    pruned: tuple[Home, str], made: tuple[Home, dict[str, Outcome]], tmp_path: Path
) -> None:
    home = made[0].copy(tmp_path / "runs")
    models = home.made("pruned", pruned[1]) | {CANDIDATES[SPARSE].branch.id: Outcome(reason="too bad")}
    outcomes = quantized(home, home.outcomes("pruned", models))
    assert outcomes[SPARSE] == Outcome(reason="too bad")


def _fail(error: Exception, names: tuple[str, ...]) -> None:
    from trimtab.stages.making import quantized as making

    usual = making.write

    def write(model: Any, ending: Any, *rest: Any) -> float:
        if ending.candidate in names:
            raise error
        return usual(model, ending, *rest)

    making.write = write


def refuses() -> None:
    _fail(CompressionError("cannot be done", field="dense_1"), ("none--int8",))


def breaks() -> None:
    _fail(ZeroDivisionError("a defect"), ("none--int8",))


def storage_fails() -> None:
    _fail(StorageError("it kept failing", path="gs://bucket/x"), ("none--int8",))


def refuses_the_baseline() -> None:
    _fail(CompressionError("LiteRT has no built-in kernel for Erfinv"), ("none--none",))


@pytest.mark.parametrize(
    ("sabotage", "reason"),
    [(refuses, "dense_1: cannot be done"), (breaks, "unexpected ZeroDivisionError: a defect")],
)
def test_a_candidate_that_fails_is_a_reason_and_not_a_failed_stage(
    pruned: tuple[Home, str], tmp_path: Path, sabotage: Any, reason: str
) -> None:
    home = pruned[0].copy(tmp_path / "runs")
    outcomes = quantized(home, pruned[1], sabotage)
    assert outcomes["none--int8"] == Outcome(reason=reason)
    assert outcomes["none--none"].ref
    assert home.record("quantize", "1/1").ok
    assert ("ZeroDivisionError" in entries(home)["none--int8"].traceback) == (sabotage is breaks)


def test_storage_that_fails_is_no_candidate_less(pruned: tuple[Home, str], tmp_path: Path) -> None:
    home = pruned[0].copy(tmp_path / "runs")
    with pytest.raises(SystemExit, match=str(StorageError.exit_code)):
        quantized(home, pruned[1], storage_fails)
    assert list(entries(home)) == ["none--none"], "what was finished stays finished"


def test_a_baseline_that_litert_cannot_take_ends_the_run(pruned: tuple[Home, str], tmp_path: Path) -> None:
    home = pruned[0].copy(tmp_path / "runs")
    with pytest.raises(SystemExit) as caught:
        quantized(home, pruned[1], refuses_the_baseline)
    assert caught.value.code == 2
    assert "no built-in kernel for Erfinv" in home.record("quantize", "1/1").error


def test_a_damaged_model_stops_the_stage(pruned: tuple[Home, str], tmp_path: Path) -> None:
    home = pruned[0].copy(tmp_path / "runs")
    file = home.path(home.trained) / "model.keras"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(SystemExit):
        quantized(home, pruned[1])
    assert "SHA-256" in home.record("quantize", "1/1").error
