"""A Kubeflow Pipelines server, and the command line in front of it."""

import pytest
from cli.kubeflow.fake_kfp import OUTPUT, KfpServer, node

from trimtab.cli import main
from trimtab.cli.kubeflow import connection, settings
from trimtab.cli.kubeflow.transport import Patience

CONFIG = """\
name: tiny
data: {train: "gs://bucket/rows.csv", label: y}
model: {architecture: mlp}
recipes:
- prune: {method: channels, ratio: 0.5}
  quantize: [int8]
"""
PATIENCE = Patience(connect=1.0, read=0.4, first=0.5, retry=1.5, pause=0.02, poll=0.02, look=0.0, login=1.0)


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """Keeps the user's own profile, environment and pod out, and makes faults take no time."""
    for name in ("HOST", "NAMESPACE", "TOKEN", "TOKEN_FILE", "CA_FILE"):
        monkeypatch.delenv(f"TRIMTAB_KFP_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings, "SERVICE_ACCOUNT", tmp_path / "no-pod")
    monkeypatch.setattr(settings, "PROJECTED_TOKEN", tmp_path / "no-token")
    monkeypatch.setattr(connection, "PATIENCE", PATIENCE)


@pytest.fixture
def server():
    """Yields a server that works."""
    with KfpServer() as made:
        yield made


@pytest.fixture
def make_node():
    """Returns the function that makes one of a run's task details."""
    return node


@pytest.fixture
def config(tmp_path):
    """Returns a config file whose paths pods can reach."""
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def trimtab(capsys, server, monkeypatch):
    """Returns a function that runs a command against the server: its exit code, stdout and stderr."""
    monkeypatch.setenv("TRIMTAB_KFP_HOST", server.url)

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        return caught.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def run(trimtab, config):
    """Returns a function that runs the config on the server."""

    def start(*options, output=OUTPUT):
        return trimtab("run", config, "--runner", "kubeflow", "--output", output, *options)

    return start


@pytest.fixture
def on_volume(config, tmp_path):
    """Returns an output directory on the volume of the pods, which this machine mounts too."""
    volume = tmp_path / "volume"
    text = config.read_text().replace("gs://bucket/rows.csv", f"{volume}/rows.csv")
    config.write_text(f"{text}resources: {{volume: {{claim: runs, mount_path: {volume}}}}}\n")
    return volume / "runs"


@pytest.fixture
def add(server):
    """Returns a function that gives the server a run with a workflow, and returns the run."""

    def add(state, made, *, compressed=False, details=(), **fields):
        run = server.add_run(state, run_details={"task_details": list(details)}, **fields)
        server.workflows[run["run_id"]] = made.manifest(compressed=compressed)
        return run

    return add
