from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from deploy import hub as hubs
from stages.conftest import five_candidates
from stages.retraining import constant_times

from trimtab.artifacts import selection as selections
from trimtab.artifacts import training
from trimtab.artifacts.deployment import DeploySummary
from trimtab.artifacts.shard import QUANTIZED
from trimtab.config.deploy import Deploy, KServe, Registry
from trimtab.deploy.repository import Repository
from trimtab.errors import ArtifactError, DeployError
from trimtab.evaluate import latency
from trimtab.stages import deploy, evaluate, select
from trimtab.storage import artifact

HYPERPARAMETERS = {"model": {"filters": 8}, "optimizer": {"learning_rate": 0.01}}


def twice_as_slow(*given):
    return {name: 2 * times for name, times in constant_times(*given).items()}


@pytest.fixture
def selected(home, digits_candidates, constant_latency):
    """Returns a function that makes of two candidates what the stages before make of them."""
    home.trained = home.model("searched", hyperparameters=HYPERPARAMETERS)
    pruned = home.model("pruned", b"pruned")
    for name in ("none--none", "none--float16"):
        content = (home.path(digits_candidates[name].ref) / "model.tflite").read_bytes()
        digits_candidates[name] = home.file(f"again-{name}", content, pruned)
    files = home.outcomes(
        QUANTIZED, {name: digits_candidates[name] for name in ("none--none", "none--float16")}
    )

    def select_again():
        home.configure(five_candidates(max_accuracy_drop=0.02))
        evaluated = evaluate.run(home.run, "1/1", home.dataset, files)
        select.run(home.run, home.dataset, pruned, [evaluated])
        return selections.read(home.run)[0]

    return select_again


@pytest.fixture
def selection(selected):
    return selected()


@pytest.fixture
def run_stage(home, tmp_path):
    def run(target="models", dataset=None, model=None):
        deployed = Deploy(target=target and str(tmp_path / target))
        home.configure(five_candidates().model_copy(update={"deploy": deployed}))
        return deploy.run(home.run, dataset or home.dataset, model or home.trained)

    return run


def test_the_chosen_model_is_served_from_where_the_stage_says(
    run_stage, selection, tmp_path, home, digits_dataset
):
    uri = run_stage()
    assert uri == str(tmp_path / "models" / "1")
    chosen = selection.path / "model.tflite"
    assert (Path(uri) / "model.tflite").read_bytes() == chosen.read_bytes()
    assert (Path(uri) / "schema.json").read_bytes() == (digits_dataset / "schema.json").read_bytes()
    metadata = json.loads((Path(uri) / "metadata.json").read_text())
    assert metadata["candidate"]["id"] == "none--float16"
    assert metadata["candidate"]["drop"]["confidence"] == 0.95
    lineage = artifact.load(uri, "deployment").lineage
    assert lineage["dataset"] == home.data().fingerprint
    assert home.record("deploy").read(DeploySummary) == DeploySummary(uri=uri, version=1, difference=0.0)


def test_what_is_deployed_is_described_for_kubeflow(run_stage, selection, tmp_path):
    uri = run_stage()
    found = deploy.describe(uri, str(tmp_path / "about" / "deployed"))
    assert json.loads((tmp_path / "about" / "deployed").read_text()) == found
    assert (found["uri"], found["version"], found["framework"]) == (uri, "1", "litert")
    decided = json.loads((selection.path / "selection.json").read_text())
    chosen = next(one for one in decided["candidates"] if one["id"] == decided["chosen"])
    assert found["accuracy"] == chosen["metrics"]["accuracy"]
    assert (found["size_bytes"], found["verdict"]) == (chosen["size_bytes"], decided["verdict"])
    assert found["proof"].startswith("with 95 % confidence accuracy at most 2")
    assert all(isinstance(value, str | int | float) for value in found.values())


def test_a_version_that_is_gone_is_not_described(tmp_path):
    with pytest.raises(ArtifactError, match=r"metadata\.json: it is not there"):
        deploy.describe(str(tmp_path), str(tmp_path / "deployed"))


def test_what_retraining_and_exporting_need_is_kept(run_stage, selection, tmp_path, home, digits_dataset):
    data = home.data()
    run_stage()
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


def test_a_person_deploys_on_a_machine_and_a_run_on_a_cluster(run_stage, selection, tmp_path, monkeypatch):
    run_stage()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    run_stage(target="cluster")
    here, there = (Repository(str(tmp_path / name)).champion() for name in ("models", "cluster"))
    assert "@" in here.history[-1].by
    assert there.history[-1].by == "one"  # the last part of the run's directory


def test_a_repeated_stage_deploys_nothing_twice(run_stage, selection, tmp_path):
    assert run_stage() == run_stage()
    assert Repository(str(tmp_path / "models")).champion().version == 1


def test_a_resumed_run_does_not_deploy_the_same_model_again(run_stage, selected, home, tmp_path, monkeypatch):
    before = selected().digest
    first = run_stage()
    assert selected().digest == before, "what was decided holds"
    Path(home.run, "stages", "select.json").unlink()  # as where it is decided on another machine
    monkeypatch.setattr(latency, "sample", twice_as_slow)
    assert selected().digest != before, "latencies were measured again"
    assert run_stage() == first
    assert Repository(str(tmp_path / "models")).versions() == [1]
    assert home.record("deploy").read(DeploySummary).version == 1
    assert run_stage(target="elsewhere") == str(tmp_path / "elsewhere" / "1")


def test_a_selection_on_other_data_is_refused(run_stage, selection, home, tmp_path):
    other = home.take(home.path(home.dataset), "other")
    manifest = json.loads((home.path(other) / "manifest.json").read_text())
    manifest["lineage"]["fingerprint"] = "f" * 64
    del manifest["content_sha256"]
    (home.path(other) / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SystemExit):
        run_stage(dataset=other)
    assert "made on other data" in home.record("deploy").error
    assert not (tmp_path / "models").exists()


def test_without_a_target_it_deploys_beside_the_runs(run_stage, selection, home, tmp_path):
    assert run_stage(target=None) == str(home.output / "deployed" / "model" / "1")
    assert not (tmp_path / "models").exists()


def test_a_changed_selection_ends_the_stage(run_stage, selection, home, tmp_path):
    golden = Path(selection.path) / "golden.npz"
    golden.write_bytes(golden.read_bytes()[:-1])
    with pytest.raises(SystemExit):
        run_stage()
    assert home.record("deploy").error_type == "ArtifactError"
    assert not (tmp_path / "models").exists()


def test_a_target_that_cannot_be_written_is_a_typed_error(run_stage, selection, home, tmp_path):
    (tmp_path / "models").write_text("a file, not a directory")
    with pytest.raises(SystemExit):
        run_stage()
    record = home.record("deploy")
    assert record.error_type == "StorageError"
    assert "it cannot be used: Not a directory" in record.error


def test_a_registry_is_told_and_one_that_is_away_is_a_warning(home, selection, tmp_path, capsys):
    registry = Registry(kubeflow_hub="http://127.0.0.1:9")
    with hubs.served() as hub:
        for url in (hub.url, registry.kubeflow_hub):
            named = Deploy(target=str(tmp_path / url[-4:]), registry=Registry(kubeflow_hub=url))
            home.configure(five_candidates().model_copy(update={"deploy": named}))
            uri = deploy.run(home.run, home.dataset, home.trained)
            assert Repository(named.target).champion().version == 1
            if url == hub.url:
                assert hub.states() == {uri: "LIVE"}
    said = capsys.readouterr().err
    assert f"the champion is registered at {hub.url}" in said
    assert "warning: http://127.0.0.1:9: the model registry was not told of version 1" in said


class KServeStandIn:
    """Stands in for a service of KServe's, which settles as it is told."""

    failure = ""
    tried: list = []

    def __init__(self, settings, resources, target):
        self.target = target

    def try_out(self, version):
        champion = Repository(self.target).champion()
        self.tried.append((version, champion.version if champion else None))

    def settle(self, version):
        assert Repository(self.target).champion().version == version
        if self.failure:
            raise DeployError(self.failure, hint="See it.")


def test_kserve_tries_a_version_out_and_what_does_not_settle_is_taken_back(
    home, selected, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(deploy, "Service", KServeStandIn)
    monkeypatch.setattr(KServeStandIn, "tried", [])
    named = Deploy(target=str(tmp_path / "models"), kserve=KServe(name="digits"))

    def deployed():
        selected()
        home.configure(five_candidates().model_copy(update={"deploy": named}))
        return deploy.run(home.run, home.dataset, home.trained)

    assert deployed().endswith("/1")
    (Path(home.run) / "stages" / "deploy.json").unlink()
    shutil.rmtree(Path(home.run) / "selection")
    monkeypatch.setattr(latency, "sample", twice_as_slow)  # another selection makes another version
    monkeypatch.setattr(KServeStandIn, "failure", "it answers as version 1")
    with pytest.raises(SystemExit):
        deployed()
    assert KServeStandIn.tried == [(1, None), (2, 1)]
    assert Repository(named.target).champion().version == 1
    said = capsys.readouterr().err
    assert "it answers as version 1" in said
    assert "Version 1 is the champion again." in said
    with pytest.raises(SystemExit):  # a retry finds its version, and that it was taken back
        deploy.run(home.run, home.dataset, home.trained)
    assert "version 2 was deployed, and is not the champion any more" in capsys.readouterr().err
