"""The prune stage as a component calls it, on a model trained on real digits."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from stages.home import Home

from trimtab.artifacts.model import MODEL_FILE, ModelSummary, TrainSummary, read_scores
from trimtab.artifacts.shard import PRUNED, Outcome
from trimtab.config.config import Config
from trimtab.errors import CompressionError, StorageError
from trimtab.models.cost import weights_sha256
from trimtab.stages import prune, train, tune

pytestmark = pytest.mark.slow
CONFIG = Config.model_validate(
    {
        "data": {"train": "sklearn://digits"},
        "model": {"architecture": "mlp", "params": {"units": 32}},
        "train": {"epochs": 4, "learning_rate": 0.005},
        "recipes": [
            {"prune": {"method": "magnitude", "sparsity": 0.5, "epochs": 1}},
            {"prune": {"method": "channels", "ratio": 0.25, "epochs": 1}},
        ],
        "budget": {"max_accuracy_drop": 0.5},
    }
)
NAMES = list(CONFIG.branches())
_, SPARSE, SMALL = NAMES


@pytest.fixture(scope="module")
def trained(digits_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Returns a run after training."""
    home = Home(tmp_path_factory.mktemp("trained") / "runs", digits_dataset, CONFIG)
    home.trained = home.task(train.run, home.dataset, home.task(tune.run, home.dataset))
    return home


@pytest.fixture
def home(trained: Home, tmp_path: Path) -> Home:
    """Returns a run of its own with the trained model."""
    return trained.copy(tmp_path / "runs")


def pruned(home: Home, sabotage: Any = None, shard: str = "1/1") -> dict[str, Outcome]:
    return home.made(PRUNED, home.task(prune.run, shard, home.dataset, home.trained, sabotage=sabotage))


def entries(home: Home, shard: str = "1/1") -> dict[str, Any]:
    return {entry.name: entry for entry in home.record("prune", shard).entries}


def about(home: Home, outcome: Outcome) -> ModelSummary:
    return ModelSummary.model_validate(home.store.find(outcome.ref).summary)


@pytest.fixture(scope="module")
def made(trained: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Outcome]]:
    """Returns a run whose branches were all made, which no test changes."""
    home = trained.copy(tmp_path_factory.mktemp("made") / "runs")
    return home, pruned(home)


def test_the_baseline_is_the_trained_model(made: tuple[Home, dict[str, Outcome]]) -> None:
    home, outcomes = made
    assert list(outcomes) == NAMES
    assert outcomes["none"].ref == home.trained
    assert "none" not in entries(home)


def test_zeros_are_counted_and_validation_is_scored_again(made: tuple[Home, dict[str, Outcome]]) -> None:
    home, outcomes = made
    sparse = outcomes[SPARSE]
    # The last layer, with 320 of 3,392 weights, is small and stays whole.
    assert about(home, sparse).cost.sparsity == pytest.approx(0.5 * 3072 / 3392, abs=0.01)
    model = keras.saving.load_model(home.path(sparse.ref) / MODEL_FILE)
    assert weights_sha256(model) == about(home, sparse).weights_sha256
    x, y = home.data().head("validation", 10_000)
    right = np.asarray(model(x["input"])).argmax(axis=1) == y
    np.testing.assert_array_equal(read_scores(home.store, sparse.ref), right.astype(np.float32))


def test_channels_go_and_the_fine_tuning_is_logged(made: tuple[Home, dict[str, Outcome]]) -> None:
    home, outcomes = made
    whole = TrainSummary.model_validate(home.store.find(home.trained).summary)
    assert about(home, outcomes[SMALL]).cost.parameters < 0.9 * whole.cost.parameters
    run = Path(home.run)
    assert list((run / "checkpoints" / f"prune.{SMALL}").iterdir())
    assert list((run / "tensorboard" / "prune" / SMALL).rglob("*tfevents*"))
    history = entries(home)[SMALL].read(ModelSummary).history
    assert [entry["epoch"] for entry in history] == list(range(1, len(history) + 1))
    assert all(entry["loss"] > 0 for entry in history)


def test_another_run_takes_what_is_there_and_makes_what_is_new(
    made: tuple[Home, dict[str, Outcome]], tmp_path: Path
) -> None:
    first, outcomes = made
    home = first.copy(tmp_path / "runs", run="another")
    values = CONFIG.model_dump()
    values["recipes"].append({"prune": {"method": "channels", "ratio": 0.5, "epochs": 1}})
    home.configure(Config.model_validate(values))
    assert pruned(home).items() >= outcomes.items()
    assert {name: entry.reused for name, entry in entries(home).items()} == {
        SPARSE: True,
        SMALL: True,
        list(Config.model_validate(values).branches())[-1]: False,
    }


def test_shards_make_the_same_as_one_task(
    made: tuple[Home, dict[str, Outcome]], trained: Home, tmp_path: Path
) -> None:
    home = trained.copy(tmp_path / "runs")
    parts = [pruned(home, shard=shard) for shard in ("1/2", "2/2")]
    assert all(parts)
    weights = {name: about(home, part[name]).weights_sha256 for part in parts for name in part}
    assert weights == {name: about(made[0], outcome).weights_sha256 for name, outcome in made[1].items()}


def test_a_model_that_is_proven_to_be_over_the_budget_goes_no_further(
    made: tuple[Home, dict[str, Outcome]], tmp_path: Path
) -> None:
    home = made[0].copy(tmp_path / "runs")
    ref = made[1][SMALL].ref
    home.rescore(ref, np.zeros(home.data().rows["validation"], np.float32))
    outcomes = pruned(home)
    assert outcomes[SMALL].ref == ""
    assert outcomes[SMALL].reason.startswith("accuracy falls by at least ")
    assert outcomes[SPARSE].ref
    assert entries(home)[SMALL].ok, "it was made, and its numbers are in the report"


def _apply(method: Callable[..., Any]) -> None:
    from trimtab.stages.making import pruned

    pruned.apply = method  # type: ignore[assignment]


def refuses() -> None:
    def apply(*_: object) -> None:
        raise CompressionError("cannot be done", field="dense_1")

    _apply(apply)


def breaks() -> None:
    def apply(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    _apply(apply)


def crashes() -> None:
    from trimtab.compress.apply import apply as usual

    def apply(step: Any, *rest: Any) -> Any:
        if step.name == "magnitude":
            os.kill(os.getpid(), signal.SIGSEGV)
        return usual(step, *rest)

    _apply(apply)


def hangs() -> None:
    def apply(*_: object) -> None:
        time.sleep(3600)

    _apply(apply)


def finds_no_space() -> None:
    def apply(*_: object) -> None:
        raise CompressionError("the converter failed: [Errno 28] No space left on device")

    _apply(apply)


def storage_fails() -> None:
    def apply(*_: object) -> None:
        raise StorageError("it kept failing", path="gs://bucket/x")

    _apply(apply)


def breaks_after_it_was_saved() -> None:
    from trimtab.stages.making import pruned

    def cost_of(*_: object) -> None:
        raise ZeroDivisionError("after the model was saved")

    pruned.cost_of = cost_of  # type: ignore[assignment]


def test_a_step_that_refuses_is_a_reason_and_is_not_tried_again(home: Home) -> None:
    for _ in range(2):
        outcomes = pruned(home, refuses)
        assert outcomes[SPARSE] == Outcome(reason="dense_1: cannot be done")
        assert outcomes["none"].ref
    assert all(entry.reused and not entry.ok for entry in entries(home).values())


def test_what_the_system_refused_is_tried_again(home: Home) -> None:
    assert "No space left on device" in pruned(home, finds_no_space)[SPARSE].reason
    assert pruned(home)[SPARSE].ref


def test_a_defect_is_a_reason_with_its_traceback_and_is_tried_again(home: Home) -> None:
    reason = "unexpected ZeroDivisionError: a defect"
    assert pruned(home, breaks)[SPARSE] == Outcome(reason=reason)
    assert "ZeroDivisionError" in entries(home)[SPARSE].traceback
    assert home.record("prune", "1/1").ok
    assert pruned(home)[SPARSE].ref


def test_a_native_crash_costs_its_branch_alone(home: Home) -> None:
    outcomes = pruned(home, crashes)
    reason = f"its process was ended by SIGSEGV, while it worked on prune {SPARSE}"
    assert outcomes[SPARSE] == Outcome(reason=reason)
    assert outcomes[SMALL].ref
    assert home.record("prune", "1/1").ok
    assert pruned(home)[SPARSE].ref
    assert entries(home)[SMALL].reused


def test_a_step_that_hangs_costs_its_branch_alone(home: Home) -> None:
    values = CONFIG.model_dump()
    values["resources"] = {"stages": {"prune": {"entry_timeout_s": 1}}}
    home.configure(Config.model_validate(values))
    outcomes = pruned(home, hangs)
    assert outcomes[SPARSE].reason == (
        "resources.stages.prune.entry_timeout_s: its process was ended after 1 s, while it worked on "
        f"prune {SPARSE}\n  Set it higher if this only needs longer."
    )
    assert outcomes["none"].ref
    assert home.record("prune", "1/1").ok
    assert entries(home)[SPARSE].by_chance, "another run tries it again"


def test_storage_that_fails_is_no_branch_less(home: Home) -> None:
    with pytest.raises(SystemExit, match=str(StorageError.exit_code)):
        pruned(home, storage_fails)
    assert home.record("prune", "1/1").error_type == "StorageError"


def test_a_step_that_fails_halfway_leaves_no_model(home: Home) -> None:
    before = set((home.output / "store" / "model").iterdir())
    assert not pruned(home, breaks_after_it_was_saved)[SMALL].ref
    assert set((home.output / "store" / "model").iterdir()) == before
    assert json.loads((Path(home.run) / "stages" / "prune.1-1.json").read_text())["ok"]
