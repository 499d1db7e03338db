"""The train stage as a component calls it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from stages.home import Home

from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import hyperparameters, training
from trimtab.artifacts import model as models
from trimtab.artifacts.hyperparameters import TuneSummary
from trimtab.artifacts.model import MODEL_FILE, ModelLineage, TrainSummary, read_scores
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy.champion import PLAN_FILE, TRAINING, Plan
from trimtab.models.cost import weights_sha256
from trimtab.stages import data_prep, settings, train, tune
from trimtab.storage import artifact

pytestmark = pytest.mark.slow
MODEL = {"architecture": "mlp", "params": {"layers": 1, "units": 32}}


def config(**sections: object) -> Config:
    base = {
        "data": {"train": "sklearn://digits"},
        "model": MODEL,
        "train": {"epochs": 4, "learning_rate": 0.005},
    }
    return Config.model_validate({**base, **sections})


def trained(home: Home, *, sabotage: Callable[[], None] | None = None, **sections: object) -> str:
    """Runs the stages ``tune`` and ``train``, and returns the reference of the model."""
    home.configure(config(**sections))
    if (Path(home.run) / "champion").is_dir():
        settings.write_planned(home.run, config(**sections))
    found = home.task(tune.run, home.dataset)
    home.trained = home.task(train.run, home.dataset, found, sabotage=sabotage)
    return home.trained


def summary(home: Home) -> TrainSummary:
    found = home.record("train").read(TrainSummary)
    assert found is not None
    return found


@pytest.fixture
def home(digits_dataset: Path, tmp_path: Path) -> Home:
    """Returns a run on the digits."""
    return Home(tmp_path / "runs", digits_dataset)


@pytest.fixture(scope="module")
def first(digits_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Returns a run after training, which no test changes."""
    home = Home(tmp_path_factory.mktemp("trained") / "runs", digits_dataset)
    trained(home)
    return home


def test_it_writes_a_model_that_others_can_load(first: Home) -> None:
    loaded = keras.saving.load_model(first.path(first.trained) / MODEL_FILE)
    assert weights_sha256(loaded) == summary(first).weights_sha256
    assert not loaded.compiled
    history = summary(first).history
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4]
    scores = read_scores(first.store, first.trained)
    assert (scores.shape, scores.dtype) == ((165,), "float32")
    assert scores.mean() == pytest.approx(history[-1]["val_accuracy"])
    assert summary(first).validation["accuracy"] > 0.85
    assert summary(first).cost.parameters == loaded.count_params()
    assert list((Path(first.run) / "tensorboard" / "train").rglob("*tfevents*"))


def test_another_run_trains_nothing_again(first: Home, tmp_path: Path) -> None:
    home = first.copy(tmp_path / "runs", run="another")
    changed = {"budget": {"max_size_kb": 1}, "recipes": [{"quantize": ["int8"]}], "name": "other"}
    often = {"epochs": 4, "learning_rate": 0.005, "checkpoint_seconds": 1}
    assert trained(home, train=often, **changed) == first.trained
    assert home.record("train").reused
    assert summary(home) == summary(first), "the report has all the same"


def test_a_run_that_has_been_compared_with_a_champion_is_not_trained_again(
    first: Home, tmp_path: Path
) -> None:
    home = first.copy(tmp_path / "runs")
    champion(home, first)
    home.configure(config())
    assert home.task(train.run, home.dataset, home.task(tune.run, home.dataset)) == first.trained
    assert home.record("train").reused


def test_another_question_is_trained(first: Home, tmp_path: Path) -> None:
    home = first.copy(tmp_path / "runs", run="another")
    refs = {first.trained, trained(home, seed=1), trained(home, train={"epochs": 1})}
    assert len(refs) == 3
    assert not home.record("train").reused


def test_an_archive_is_where_training_starts_and_is_known_by_its_content(
    first: Home, home: Home, tmp_path: Path
) -> None:
    archive = tmp_path / "model.keras"
    shutil.copyfile(first.path(first.trained) / MODEL_FILE, archive)
    short = {"train": {"epochs": 1, "learning_rate": 1e-4}}
    warm = trained(home, model={"archive": str(archive)}, **short)
    before, after = summary(first).history, summary(home).history
    assert after[0]["val_loss"] < before[0]["val_loss"] * 0.5
    moved = shutil.copyfile(archive, tmp_path / "moved.keras")
    assert trained(home, model={"archive": str(moved)}, **short) == warm
    shutil.copyfile(home.path(warm) / MODEL_FILE, archive)
    assert trained(home, model={"archive": str(archive)}, **short) != warm


def test_a_model_no_better_than_guessing_is_warned_of(home: Home) -> None:
    trained(home, train={"epochs": 1, "learning_rate": 1e-9})
    (warning,) = summary(home).warnings
    assert "always guessing the most frequent class" in warning


def test_one_that_came_so_is_not_advised_to_be_trained_longer(home: Home, tmp_path: Path) -> None:
    weak = trained(home, train={"epochs": 1, "learning_rate": 1e-9})
    archive = tmp_path / "model.keras"
    shutil.copyfile(home.path(weak) / MODEL_FILE, archive)
    trained(home, model={"archive": str(archive)}, train={"epochs": 0})
    assert (
        summary(home)
        .warnings[-1]
        .endswith("It came so: see model.input and model.classes, or look at the data.")
    )


def test_a_stage_that_cannot_train_leaves_no_model_and_says_why(home: Home) -> None:
    with pytest.raises(SystemExit) as ended:
        trained(home, train={"class_weight": {"eleven": 2.0}})
    assert ended.value.code == 2
    assert "train.class_weight: unknown class 'eleven'" in home.record("train").error
    assert not (home.output / "store" / "model").exists()


def killed() -> None:
    from trimtab.stages.making import trained as making

    making.validation_scores = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]


def breaks() -> None:
    from trimtab.stages.making import trained as making

    making.validation_scores = lambda *_: 1 // 0  # type: ignore[assignment]


def test_a_process_that_dies_is_told_and_what_it_trained_is_not_trained_again(
    first: Home, home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        trained(home, sabotage=killed)
    assert "its process was ended by SIGKILL, as when memory runs out" in home.record("train").error
    trained(home)
    assert "was trained to the end before" in capfd.readouterr().err
    assert summary(home).weights_sha256 == summary(first).weights_sha256


def killed_in_the_second_fold() -> None:
    from trimtab.stages.making import trained as making

    scores = making.validation_scores

    def dies(network: object, data: Dataset) -> np.ndarray:
        if not data.folds:  # the first one's dataset alone names others
            os.kill(os.getpid(), signal.SIGKILL)
        return scores(network, data)  # type: ignore[arg-type]

    making.validation_scores = dies  # type: ignore[assignment]


def test_each_fold_has_a_model_of_its_own_and_a_killed_task_goes_on_with_the_one_it_was_at(
    tmp_path: Path,
) -> None:
    home, data = Home(tmp_path / "runs"), {"train": "sklearn://digits", "test": {"folds": 2}}
    home.dataset = data_prep.run(home.run, config(data=data).model_dump_json())
    with pytest.raises(SystemExit):
        trained(home, sabotage=killed_in_the_second_fold, data=data)
    assert "while it worked on train fold-2" in home.record("train").error
    trained(home, data=data)
    assert [(one.name, one.reused) for one in home.record("train").entries] == [("", True), ("fold-2", False)]
    refs = models.folds(home.store, home.trained)
    lineages = [ModelLineage.model_validate(home.store.open(ref, []).lineage) for ref in refs]
    assert [one.dataset for one in lineages] == datasets.folds(home.store, home.dataset)
    weights = {home.store.find(ref).summary["weights_sha256"] for ref in refs}  # type: ignore[union-attr]
    assert len(weights) == 2


def test_a_defect_has_its_traceback_in_the_record(home: Home) -> None:
    with pytest.raises(SystemExit) as ended:
        trained(home, sabotage=breaks)
    assert ended.value.code == 1
    record = home.record("train")
    assert record.error.startswith("unexpected ZeroDivisionError: ")
    assert "ZeroDivisionError" in record.traceback


def champion(home: Home, origin: Home, version: int = 3) -> None:
    """Leaves the snapshot of a champion that a run made, as ``plan`` takes it."""
    model = origin.store.open(origin.trained)
    record = training.TrainingRecord(
        fingerprint="0" * 64,
        rows={},
        recipe={},
        candidate="none--none",
        hyperparameters=summary(origin).hyperparameters.model_dump(),
        data={},
    )
    with artifact.create(Path(home.run) / "champion", "champion") as draft:
        plan = Plan(version=version, usable=False, warm=True)
        (draft.path / PLAN_FILE).write_text(plan.model_dump_json())
        training.write(draft.path / TRAINING, record, Dataset.open(home.path(home.dataset)), model, model)


def test_a_retraining_starts_from_the_champions_weights(first: Home, home: Home) -> None:
    champion(home, first)
    trained(home, retrain={"epochs": 2})
    said, before = summary(home), summary(first).history
    assert said.start == "champion v3"
    assert [entry["epoch"] for entry in said.history] == [1, 2]
    assert said.history[0]["val_loss"] < before[0]["val_loss"] * 0.5


def test_the_searchs_best_values_are_trained_and_those_of_a_champion_not_searched(home: Home) -> None:
    short: dict[str, Any] = {
        "model": {"architecture": "mlp", "params": {"layers": 1}},
        "train": {"epochs": 1, "schedule": "constant"},
    }
    trained(home, tune={"algorithm": "random", "trials": 2, "epochs": 1}, **short)
    values = summary(home).hyperparameters
    assert summary(home).history[0]["learning_rate"] == pytest.approx(values.optimizer["learning_rate"])
    model = keras.saving.load_model(home.path(home.trained) / MODEL_FILE)
    assert model.layers[2].units == values.model["units"]
    assert values.model["layers"] == 1

    again = home.copy(home.output.parent / "again")
    champion(again, home)
    trained(again, tune={"trials": 5}, **short)
    assert summary(again).hyperparameters == values
    assert summary(again).start == "champion v3"
    assert again.record("tune").read(TuneSummary) == TuneSummary(skipped=True, champion=3)


def test_a_search_is_not_repeated_for_other_recipes(home: Home) -> None:
    search = {"tune": {"algorithm": "random", "trials": 2, "epochs": 1}, "train": {"epochs": 1}}
    home.configure(config(**search))
    found = home.task(tune.run, home.dataset)
    home.configure(config(**search, recipes=[{"quantize": ["float16"]}]))
    assert home.task(tune.run, home.dataset) == found
    assert home.record("tune").reused
    assert len(home.record("tune").read(TuneSummary).trials) == 2
    assert hyperparameters.read(home.store, found) == home.record("tune").read(TuneSummary).best


def without_training(home: Home) -> None:
    with artifact.create(Path(home.run) / "champion", "champion") as draft:
        plan = Plan(version=3, usable=False, reasons=["what champion v3 was trained from is gone"])
        (draft.path / PLAN_FILE).write_text(plan.model_dump_json())


def with_lineage(**changed: object) -> Callable[[Home], None]:
    def change(home: Home) -> None:
        home.dataset = home.take(home.path(home.dataset), "changed")
        file = home.path(home.dataset) / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["lineage"] |= changed
        del manifest["content_sha256"]
        file.write_text(json.dumps(manifest))

    return change


@pytest.mark.parametrize(
    ("change", "sections", "why"),
    [
        (without_training, {}, "what champion v3 was trained from is gone"),
        (
            with_lineage(schema_changes=["the class 11 is new in label"]),
            {},
            "the schema has changed: the class 11 is new in label",
        ),
        (
            with_lineage(sides_changed=["data.split.test was 0.1"]),
            {},
            "the champion may have been trained on test rows: data.split.test was 0.1",
        ),
        (
            lambda _: None,
            {"model": {"architecture": "mlp", "params": {"layers": 1, "units": 9}}},
            "the model has Dense with weights of (64, 9) and (9,) where the earlier one has",
        ),
        (lambda _: None, {"model": {"architecture": "mlp", "params": {"layers": 3}}}, "layers with weights"),
    ],
)
def test_where_the_champions_weights_do_not_fit_it_says_why_and_starts_from_scratch(
    first: Home, home: Home, change: Callable[[Home], None], sections: dict[str, object], why: str
) -> None:
    champion(home, first)
    change(home)
    trained(home, train={"epochs": 2}, retrain={"epochs": 1}, **sections)
    said = summary(home)
    assert said.start == "scratch"
    assert why in said.start_reason
    assert len(said.history) == 2, "the epochs of a retraining are for a warm start"


def test_a_checkpoint_of_another_start_is_left_out(
    first: Home, home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    short = {"retrain": {"epochs": 1}}
    champion(home, first, 1)
    trained(home, **short)
    champion(home, home, 2)
    capfd.readouterr()
    trained(home, **short)
    assert "is of another run (start differ)" in capfd.readouterr().err
