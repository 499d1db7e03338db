from __future__ import annotations

import json
from pathlib import Path

import pytest

from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import training
from trimtab.deploy.repository import Repository
from trimtab.stages import deploy, evaluate, select
from trimtab.stages.stage import records
from trimtab.storage import artifact

HYPERPARAMETERS = {"model": {"filters": 8}, "optimizer": {"learning_rate": 0.01}}


@pytest.fixture
def make_selection(tmp_path, digits_dataset, digits_config, digits_candidates):
    """Returns a function that makes of two candidates what the stages before make of them."""
    names = ("none--none", "none--float16")
    for name in names:
        evaluate.run(
            config=digits_config(),
            run=str(tmp_path / "before"),
            candidate=name,
            dataset=str(digits_dataset),
            quantized=digits_candidates[name],
            evaluation=str(tmp_path / f"evaluation-{name}"),
        )

    def make(name="selection"):
        select.run(
            config=digits_config(max_accuracy_drop=0.02),
            run=str(tmp_path / "before"),
            dataset=str(digits_dataset),
            quantized=[digits_candidates[name] for name in names],
            evaluations=[str(tmp_path / f"evaluation-{name}") for name in names],
            selection=str(tmp_path / name),
        )
        return str(tmp_path / name)

    return make


@pytest.fixture
def selection(make_selection):
    return make_selection()


@pytest.fixture
def model(tmp_path, digits_dataset):
    """Returns the trained model, as ``train`` leaves it, as far as deploying is concerned."""
    with artifact.create(tmp_path / "model", "model") as draft:
        (draft.path / "model.keras").write_bytes(b"trained")
        fingerprint = Dataset.open(digits_dataset).fingerprint
        draft.lineage = {"dataset": fingerprint, "hyperparameters": HYPERPARAMETERS}
    return artifact.load(tmp_path / "model", "model")


@pytest.fixture
def shortlist(tmp_path, model):
    """Returns the pruned models, as ``shortlist`` leaves them."""
    shortlist = tmp_path / "shortlist"
    with artifact.create(shortlist, "shortlist") as draft, artifact.create(draft.path / "none", "model") as p:
        (p.path / "model.keras").write_bytes(b"pruned")
        p.lineage = {**model.lineage, "parent": model.digest}
    return str(shortlist)


@pytest.fixture
def run_stage(tmp_path, digits_dataset, digits_config, model, shortlist):
    def run(selection, target="models", dataset=digits_dataset, model=model.path):
        config = Config.model_validate_json(digits_config()).model_dump()
        config["deploy"]["target"] = target and str(tmp_path / target)
        return deploy.run(
            config=Config.model_validate(config).model_dump_json(),
            run=str(tmp_path / "run"),
            dataset=str(dataset),
            model=str(model),
            shortlist=shortlist,
            selection=selection,
        )

    return run


def test_the_chosen_model_is_served_from_where_the_stage_says(run_stage, selection, tmp_path, digits_dataset):
    uri = run_stage(selection)
    assert uri == str(tmp_path / "models" / "1")
    chosen = Path(selection) / "model.tflite"
    assert (Path(uri) / "model.tflite").read_bytes() == chosen.read_bytes()
    assert (Path(uri) / "schema.json").read_bytes() == (digits_dataset / "schema.json").read_bytes()
    metadata = json.loads((Path(uri) / "metadata.json").read_text())
    assert metadata["candidate"]["id"] == "none--float16"
    assert metadata["candidate"]["drop"]["confidence"] == 0.95
    lineage = artifact.load(uri, "deployment").lineage
    assert lineage["dataset"] == Dataset.open(digits_dataset).fingerprint
    (record,) = records(str(tmp_path / "run"))
    assert record.summary == {"uri": uri, "version": 1, "previous": None, "difference": 0.0}


def test_what_retraining_and_exporting_need_is_kept(run_stage, selection, tmp_path, digits_dataset):
    data = Dataset.open(digits_dataset)
    run_stage(selection)
    with Repository(str(tmp_path / "models")).training(1) as found:
        record = training.read(found)
        assert (found.path / "model.keras").read_bytes() == b"trained"
        assert (found.path / "compressed.keras").read_bytes() == b"pruned"
        assert json.loads((found.path / "statistics.json").read_bytes()) == data.statistics
        assert (found.path / "schema.json").read_bytes() == (digits_dataset / "schema.json").read_bytes()
    assert (record.fingerprint, record.rows, record.candidate) == (
        data.fingerprint,
        data.rows,
        "none--float16",
    )
    assert record.recipe == [{"float16": {}}, {"runtime": "litert"}]
    assert record.hyperparameters == HYPERPARAMETERS
    assert record.data["train"] == "sklearn://digits"


def test_a_model_that_the_chosen_one_was_not_made_from_is_refused(
    run_stage, selection, tmp_path, digits_dataset
):
    for name, dataset in (("elsewhere", "f" * 64), ("another", Dataset.open(digits_dataset).fingerprint)):
        with artifact.create(tmp_path / name, "model") as draft:
            (draft.path / "model.keras").write_bytes(name.encode())
            draft.lineage = {"dataset": dataset, "hyperparameters": {}}
        with pytest.raises(SystemExit):
            run_stage(selection, model=tmp_path / name)
        (record,) = records(str(tmp_path / "run"))
        assert "other data" in record.error or "another model" in record.error
    assert not (tmp_path / "models").exists()


def test_a_person_deploys_on_a_machine_and_a_run_on_a_cluster(run_stage, selection, tmp_path, monkeypatch):
    run_stage(selection)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    run_stage(selection, target="cluster")
    here, there = (Repository(str(tmp_path / name)).champion() for name in ("models", "cluster"))
    assert "@" in here.history[-1].by
    assert there.history[-1].by == "run"  # the last part of the run's directory


def test_a_repeated_stage_deploys_nothing_twice(run_stage, selection, tmp_path):
    assert run_stage(selection) == run_stage(selection)
    assert Repository(str(tmp_path / "models")).champion().version == 1


def test_a_resumed_run_does_not_deploy_the_same_model_again(run_stage, make_selection, tmp_path):
    first = run_stage(make_selection())
    measured_again = make_selection("again")
    digests = {artifact.load(tmp_path / name, "selection").digest for name in ("selection", "again")}
    assert len(digests) == 2
    assert run_stage(measured_again) == first
    assert Repository(str(tmp_path / "models")).versions() == [1]
    (record,) = records(str(tmp_path / "run"))
    assert (record.ok, record.summary["version"]) == (True, 1)
    assert run_stage(measured_again, target="elsewhere") == str(tmp_path / "elsewhere" / "1")


def test_a_selection_on_other_data_is_refused(run_stage, selection, tmp_path, digits_dataset):
    from shutil import copytree

    other = copytree(digits_dataset, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["lineage"]["fingerprint"] = "f" * 64
    (other / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SystemExit):
        run_stage(selection, dataset=other)
    (record,) = records(str(tmp_path / "run"))
    assert "made on other data" in record.error
    assert not (tmp_path / "models").exists()


def test_without_a_target_it_deploys_beside_the_runs(run_stage, selection, tmp_path):
    assert run_stage(selection, target=None) == str(tmp_path / "deployed" / "model" / "1")
    assert not (tmp_path / "models").exists()


def test_a_changed_selection_ends_the_stage(run_stage, selection, tmp_path):
    golden = Path(selection) / "golden.npz"
    golden.write_bytes(golden.read_bytes()[:-1])
    with pytest.raises(SystemExit):
        run_stage(selection)
    (record,) = records(str(tmp_path / "run"))
    assert record.error_type == "ArtifactError"
    assert not (tmp_path / "models").exists()


def test_a_target_that_cannot_be_written_is_a_typed_error(run_stage, selection, tmp_path):
    (tmp_path / "models").write_text("a file, not a directory")
    with pytest.raises(SystemExit):
        run_stage(selection)
    (record,) = records(str(tmp_path / "run"))
    assert record.error_type == "StorageError"
    assert "it cannot be used: Not a directory" in record.error
