"""How the docker runner confines a task, without a Docker daemon; tests/container has the rest."""

import os

import pytest
from docker import DockerClient
from faults.fixtures import use_s3

from trimtab.cli import docker as runner
from trimtab.cli import main
from trimtab.config.config import Config
from trimtab.config.stages import STAGES
from trimtab.errors import TrimtabError


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Returns a function from sections of a config to the settings of a stage's container."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def of(stage, *, data=None, uri=str(tmp_path / "run"), **sections):
        model = sections.pop("model", {"architecture": "mlp"})
        data = {"train": "sklearn://digits", **(data or {})}
        config = Config.model_validate({"data": data, "model": model, **sections})
        return runner.task_settings(config, stage, tmp_path / "run", uri)

    return of


def mounts(settings):
    return {mount["Source"]: mount["ReadOnly"] for mount in settings["mounts"]}


def test_no_stage_has_a_network_when_everything_is_local(settings):
    assert {settings(stage)["network_mode"] for stage in STAGES} == {"none"}


def test_the_weights_beside_an_archive_are_mounted_with_it(settings, tmp_path):
    brought = tmp_path / "brought"
    brought.mkdir()
    for name in ("net.xml", "net.bin", "other.bin", "net.onnx"):
        (brought / name).write_bytes(b"it")
    files = {"openvino": ["net.xml", "net.bin"], "onnxruntime": ["net.onnx"]}
    for runtime, names in files.items():
        model = {"archive": str(brought / names[0])}
        found = mounts(settings("train", model=model, train={"epochs": 0}, runtimes=[runtime]))
        inside = {path: read_only for path, read_only in found.items() if path.startswith(str(brought))}
        assert inside == {str(brought / name): True for name in names}


@pytest.mark.parametrize(
    ("sections", "connected"),
    [
        ({"data": {"test": "gs://b/test.csv"}}, {"check_data", "data_prep", "select"}),
        (
            {"model": {"archive": "gs://b/m.keras"}},
            {"check_data", "data_prep", "tune", "train", "select", "deploy"},
        ),
        (
            {"deploy": {"target": "gs://b/deployed"}},
            {"check_data", "plan", "data_prep", "select", "deploy"},
        ),
    ],
)
def test_only_the_stage_that_opens_a_remote_uri_has_a_network(settings, sections, connected):
    found = {stage for stage in STAGES if settings(stage, **sections)["network_mode"] != "none"}
    assert found == connected


def test_every_stage_has_a_network_when_the_run_is_in_the_cloud(settings):
    assert {settings(stage, uri="gs://b/runs/1")["network_mode"] for stage in STAGES} == {"bridge"}


def test_an_emulator_on_this_machine_is_reached_by_its_network(settings, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:4443")
    found = settings("deploy", deploy={"target": "gs://b/deployed"})
    assert found["network_mode"] == "host"
    assert found["environment"]["STORAGE_EMULATOR_HOST"] == "http://127.0.0.1:4443"
    assert "STORAGE_EMULATOR_HOST" not in settings("train")["environment"]


def test_credentials_go_only_where_the_network_goes(settings, tmp_path, monkeypatch):
    key = tmp_path / "key.json"
    key.write_text("{}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    target = {"target": "gs://b/deployed"}
    assert mounts(settings("deploy", deploy=target))[str(key)] is True
    assert str(key) not in mounts(settings("train", deploy=target))


def test_a_task_gets_what_opens_the_stores_that_it_opens_and_no_others(settings, tmp_path, monkeypatch):
    profile, key = tmp_path / "home/.aws/credentials", tmp_path / "key.json"
    profile.parent.mkdir(parents=True)
    for file in (profile, key):
        file.write_text("")
    use_s3(monkeypatch, "http://seaweedfs.kubeflow:9000", "id", "secret")
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    aws = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    for uri in ("s3://bucket/runs/1", "minio://bucket/runs/1"):
        found = settings("train", uri=uri)
        assert found["network_mode"] == "bridge"
        assert found["environment"].items() >= aws.items()
        assert found["environment"]["AWS_ENDPOINT_URL_S3"] == "http://seaweedfs.kubeflow:9000"
        assert found["environment"]["AWS_SHARED_CREDENTIALS_FILE"] == str(profile)
        assert mounts(found)[str(profile)] is True
        assert str(key) not in mounts(found)
    for uri in ("gs://bucket/runs/1", str(tmp_path / "run")):
        found = settings("train", uri=uri)
        assert not aws.keys() & found["environment"].keys()
        assert str(profile) not in mounts(found)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://localhost:9000")
    assert settings("train", uri="s3://bucket/runs/1")["network_mode"] == "host"
    assert settings("train", uri="gs://bucket/runs/1")["network_mode"] == "bridge"


def test_data_is_read_only_and_the_run_is_not(settings, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("x,y\n")
    archive = tmp_path / "m.keras"
    archive.write_bytes(b"")
    found = mounts(
        settings(
            "train",
            data={"train": str(tmp_path / "data/*.csv"), "label": "y", "test": str(tmp_path / "missing.csv")},
            model={"archive": str(archive)},
            deploy={"target": str(tmp_path / "deployed")},
        )
    )
    assert found == {
        str(tmp_path / "run"): False,
        str(tmp_path / "store"): False,
        str(tmp_path / "deployed"): False,
        str(tmp_path / "data"): True,
        str(archive): True,
    }


def test_nobody_is_root(settings):
    uid = settings("train")["user"].split(":")[0]
    assert uid == str(os.getuid() or runner.UNPRIVILEGED)


def test_limits_come_from_resources(settings):
    stages = {"train": {"memory": "1536Mi", "cpu": "500m", "shared_memory": "256Mi"}, "tune": {"cpu": "4096"}}
    found = settings("train", resources={"stages": stages})
    assert (found["mem_limit"], found["memswap_limit"]) == (1610612736, 1610612736)
    assert (found["nano_cpus"], found["shm_size"]) == (500_000_000, 268435456)
    assert settings("tune", resources={"stages": stages})["nano_cpus"] == os.cpu_count() * 10**9
    assert "mem_limit" not in settings("prune", resources={"stages": stages})


def test_a_daemon_that_goes_away_in_a_run_is_told(tmp_path, capsys):
    config = Config.model_validate({"data": {"train": "x"}, "model": {"architecture": "mlp"}})
    tasks = runner._Tasks(config, tmp_path, str(tmp_path), "sha256:0")
    gone = DockerClient(f"unix://{tmp_path}/gone", version="1.41")
    assert tasks.run(gone, "x", ["--function_to_execute", "train"], {}) == 1
    assert "trimtab | train | the container could not be run: " in capsys.readouterr().out


def test_groups_that_the_user_is_in_may_read_the_data(settings, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1500)
    monkeypatch.setattr(os, "getgroups", lambda: [1500, 2000])
    assert settings("train")["group_add"] == ["1500", "2000"]
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert settings("train")["group_add"] == []


def test_a_missing_daemon_is_told_before_anything_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(TrimtabError, match="no Docker daemon answers"):
        runner.runner("trimtab:0.1.0")
    config = tmp_path / "c.yaml"
    config.write_text('data: {train: "sklearn://digits"}\nmodel: {architecture: mlp}\n')
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(config), "--runner", "docker", "--output", str(tmp_path / "runs")])
    assert stopped.value.code == 1
    assert "docker.io" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
