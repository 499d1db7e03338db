import json

import pytest
from faults.unprivileged import unprivileged

from trimtab.config.config import Config
from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.runtimes.openvino import RUNTIME
from trimtab.stages import check_data, data_prep, report, settings
from trimtab.stages.begin import begin
from trimtab.stages.resumed import bring
from trimtab.stages.settings import target
from trimtab.storage import volumes
from trimtab.storage.mirror import mirror
from trimtab.storage.sealed import opened, sealed
from trimtab.storage.store import open_store

SMALL = {"data": {"train": "sklearn://iris", "workers": 1}, "model": {"architecture": "mlp"}}


def _config(**sections):
    return Config.model_validate(SMALL | sections).as_argument()


def test_the_config_is_left_beside_the_results(tmp_path):
    run = tmp_path / "runs" / "1"
    resolved = begin(_config(name="small"), str(run))
    assert settings.asked(str(run)) == resolved
    before = (run / "config.json").read_bytes()
    assert begin(_config(name="small"), str(run)) == resolved
    with pytest.raises(ConfigError, match="started with another config"):
        begin(_config(name="other"), str(run))
    assert (run / "config.json").read_bytes() == before  # the command line compares it when a run is resumed


def test_a_config_that_was_damaged_is_told(tmp_path):
    run = tmp_path / "runs" / "1"
    begin(_config(name="small"), str(run))
    file = run / "config.json"
    file.write_text(file.read_text().replace('"small"', '"smell"'))
    with pytest.raises(ConfigError, match=r"config\.json: it is damaged.*what its checksum says"):
        settings.asked(str(run))
    earlier = {key: value for key, value in json.loads(file.read_text()).items() if key != "content_sha256"}
    file.write_text(json.dumps(earlier))
    assert settings.asked(str(run)).name == "smell"


def test_what_a_newer_trimtab_wrote_is_read_without_what_this_one_does_not_know():
    columns = {"a": {"numeric": {"decimal": ","}}, "b": {"datetime": {"order": "dmy"}}}
    config = Config.model_validate(SMALL | {"name": "small", "data": {**SMALL["data"], "columns": columns}})
    values = opened(json.loads(settings.content_of(config)))
    values["later"] = values["data"]["later"] = values["data"]["columns"]["a"]["numeric"]["later"] = 1
    values["data"]["columns"]["b"]["later"] = {"numeric": {"decimal": "."}}
    assert settings.parsed(json.dumps(sealed(values)).encode(), "here") == config
    values["schema_version"] += 1
    with pytest.raises(ConfigError, match=r"here: a newer trimtab wrote it.*2, and this one reads up to 1"):
        settings.parsed(json.dumps(sealed(values)).encode(), "here")
    del values["schema_version"], values["model"]["architecture"]
    with pytest.raises(ConfigError, match="exactly one of architecture"):
        settings.parsed(json.dumps(sealed(values)).encode(), "here")


def test_without_a_target_the_repository_is_beside_the_runs():
    config = Config.model_validate(SMALL | {"name": "small"})
    assert target(config, "gs://bucket/runs/1") == "gs://bucket/runs/deployed/small"
    assert target(config, "/trimtab/runs/1/") == "/trimtab/runs/deployed/small"
    named = Config.model_validate(SMALL | {"deploy": {"target": "gs://other/small"}})
    assert target(named, "/trimtab/runs/1") == "gs://other/small"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ("data: {train: x.csv}", None),
        ('{"config": {}, "tasks": []}', "data"),
        (json.dumps(SMALL | {"train": {"epoch": 1}}), "train.epoch"),
    ],
)
def test_what_is_no_config_is_told_by_the_first_task(tmp_path, capsys, config, field):
    with pytest.raises(ConfigError) as caught:
        begin(config, str(tmp_path / "1"))
    assert (caught.value.path, caught.value.field) == ("the parameter `config`", field)
    for stage in (
        lambda: data_prep.run(str(tmp_path / "1"), config),
        lambda: check_data.run(config, str(tmp_path / "1")),
    ):
        with pytest.raises(SystemExit) as ended:
            stage()
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert "failed: the parameter `config`: " in told
        assert "--dry-run --json" in told
        assert "Traceback" not in told


def test_a_large_config_comes_as_a_file(tmp_path):
    (tmp_path / "config.json").write_text(_config(name="large"))
    assert begin(str(tmp_path / "config.json"), str(tmp_path / "1")).name == "large"
    with pytest.raises(ConfigError) as caught:
        begin(str(tmp_path / "gone.json"), str(tmp_path / "2"))
    assert caught.value.path == "the parameter `config`"


def test_the_other_tasks_find_it_with_the_place_of_the_models(tmp_path):
    run = str(tmp_path / "runs" / "1")
    with pytest.raises(ArtifactError, match="there is no config") as caught:
        settings.of(run)
    assert caught.value.path == f"{run}/config.json"
    begin(_config(name="small"), run)
    assert settings.of(run).deploy.target == str(tmp_path / "runs" / "deployed" / "small")
    settings.write_planned(run, settings.of(run).model_copy(update={"seed": 9}))
    assert (settings.of(run).seed, settings.asked(run).seed) == (9, 0)


@pytest.fixture
def pod(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text("101 90 0:77 / / rw,relatime - overlay overlay rw\n")
    monkeypatch.setattr(volumes, "_MOUNTS", mounts)
    monkeypatch.setenv("KFP_POD_NAME", "trimtab-optimize-x-1")


def test_a_pod_without_a_volume_says_so_at_once(pod, tmp_path, capsys):
    run = str(tmp_path / "runs" / "1")
    for stage in (
        lambda: data_prep.run(run, _config()),
        lambda: check_data.run(_config(), run),
        lambda: report.run(run, str(tmp_path / "r.html"), "optimize"),
    ):
        with pytest.raises(SystemExit) as ended:
            stage()
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert f"failed: {run}: output: expected gs:// or s3:// or minio://, or a path on a volume" in told
        assert "resources.volume" in told
    assert not (tmp_path / "store").exists()


def test_a_model_must_not_be_lost_with_its_pod_either(pod, tmp_path):
    with pytest.raises(ConfigError) as caught:
        begin(_config(deploy={"target": "/tmp/models"}), "gs://bucket/runs/1")
    assert (caught.value.path, caught.value.field) == ("/tmp/models", "deploy.target")


def test_a_volume_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "volume").mkdir(mode=0o555)
    with pytest.raises(StorageError, match="Permission denied"):
        unprivileged(lambda: begin(_config(), str(tmp_path / "volume" / "runs" / "1")))


def test_a_run_directory_that_cannot_be_made_is_told_without_a_traceback(tmp_path, capsys):
    (tmp_path / "runs").touch()
    with pytest.raises(SystemExit) as ended:
        data_prep.run(str(tmp_path / "runs" / "1"), _config())
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "failed: " in told
    assert "cannot be used" in told
    assert "cannot be recorded" in told
    assert "Traceback" not in told
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("sections", "code", "said"),
    [
        ({"model": {"archive": "gone.keras"}}, 2, "gone.keras: there is no such file"),
        ({"deploy": {"target": "file/models"}}, 1, "file: nothing can be written here"),
        ({"deploy": {"target": "no_pointer"}}, 1, "no_pointer/champion.json: the file is damaged"),
        ({"deploy": {"target": "no_counter"}}, 1, "no_counter/versions.json: the file is damaged"),
    ],
)
def test_what_only_a_later_task_would_miss_is_told_before_the_data_is_read(
    tmp_path, capsys, monkeypatch, sections, code, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for damaged in ("no_pointer/champion.json", "no_counter/versions.json"):
        (tmp_path / damaged).parent.mkdir()
        (tmp_path / damaged).write_text("{")
    with pytest.raises(SystemExit) as ended:
        data_prep.run(str(tmp_path / "1"), _config(**sections))
    assert ended.value.code == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_runtime_that_is_not_installed_is_told_before_the_data_is_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(RUNTIME, "distributions", ("a-library-that-nobody-has",))
    with pytest.raises(SystemExit) as ended:
        data_prep.run(str(tmp_path / "1"), _config(runtimes=["litert", "openvino"]))
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "runtimes: the runtime openvino is not installed: there is no a-library-that-nobody-has" in told
    assert "pip install 'trimtab[openvino]'" in told
    assert not (tmp_path / "store").exists()


def test_a_run_that_goes_on_gets_the_checkpoints_of_the_one_before_and_the_same_config(tmp_path, capsys):
    for name in ("train/checkpoint-2.npz", "tune/trial_0/state.json"):
        file = tmp_path / "runs" / "first" / "checkpoints" / name
        file.parent.mkdir(parents=True)
        file.write_text(name)
    first = begin(_config(name="small"), str(tmp_path / "runs" / "first"))
    second = begin(_config(name="small", kubeflow={"resume": "first"}), str(tmp_path / "runs" / "second"))
    assert second.model_dump(exclude={"deploy"}) == first.model_dump(exclude={"deploy"})
    there = tmp_path / "runs" / "second" / "checkpoints"
    assert (there / "train" / "checkpoint-2.npz").read_text() == "train/checkpoint-2.npz"
    assert (there / "tune" / "trial_0" / "state.json").is_file()
    assert "goes on from first: train, tune" in capsys.readouterr().err


def test_a_run_in_a_bucket_goes_on_from_another_one(emulator):
    store = open_store("gs://bucket/runs/first")
    with mirror("gs://bucket/runs/first/checkpoints/train") as made:
        (made.directory / "checkpoint-2.npz").write_bytes(b"weights")
    store.write("config.json", b"{}")
    bring("gs://bucket/runs/second", "first")
    with mirror("gs://bucket/runs/second/checkpoints/train") as found:
        assert (found.directory / "checkpoint-2.npz").read_bytes() == b"weights"
    with mirror("gs://bucket/runs/first/checkpoints/train") as kept:
        assert (kept.directory / "checkpoint-2.npz").read_bytes() == b"weights"


def test_a_run_that_is_not_there_cannot_be_gone_on_from(tmp_path):
    with pytest.raises(ConfigError, match="no run to go on from"):
        begin(_config(name="small", kubeflow={"resume": "none"}), str(tmp_path / "runs" / "second"))
