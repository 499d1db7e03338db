"""What the image promises to a cluster that trusts nobody."""

import contextlib
import re
import signal
import subprocess
import time

import pytest
from docker.errors import APIError

import trimtab

pytestmark = pytest.mark.container
EXTRAS = ("mlflow", "onnx", "openvino", "tflite")


@pytest.fixture
def run(daemon, image, confined):
    """Returns a function that runs a command in a confined container and returns what it prints."""

    def run(command, **changed):
        return daemon.containers.run(
            image, command, stderr=True, remove=True, **{**confined, "entrypoint": [], **changed}
        ).decode()

    return run


def test_describes_itself(daemon, image):
    config = daemon.images.get(image).attrs["Config"]
    labels = config["Labels"]
    assert config["Entrypoint"] == ["trimtab"]
    assert config["User"].split(":")[0].isdigit()
    assert int(config["User"].split(":")[0]) > 0
    assert labels["org.opencontainers.image.title"] == "trimtab"
    assert labels["org.opencontainers.image.version"] == trimtab.__version__
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?|unknown", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.base.name"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_entry_point_is_trimtab_for_any_user(run):
    assert trimtab.__version__ in run(["--version"], entrypoint=None)
    assert "Usage: trimtab" in run(["--help"], entrypoint=None)


def test_holds_the_components_and_pipelines(run):
    code = "import components.train.component, pipelines.optimize as p; print(p.__file__)"
    assert "/opt/trimtab/" in run(["python3", "-c", code])
    files = run(
        ["python3", "-c", "import pathlib, components as c; print(*pathlib.Path(c.__path__[0]).iterdir())"]
    )
    assert "/train" in files


def test_runs_what_kubeflow_puts_in_place_of_the_entry_point(run):
    script = 'd=$(mktemp -d); printf "%s" "$0" > "$d/c.py"; python3 -m kfp.dsl.executor_main --help'
    assert "--function_to_execute" in run(["sh", "-ec", script, "import kfp"])


def test_writes_nowhere_but_below_tmp(run):
    found = run(
        ["sh", "-c", "find / -xdev -writable -not -type l 2>/dev/null; true"], read_only=False
    ).split()
    allowed = ("/tmp", "/proc", "/dev", "/sys", "/run/lock", "/var/tmp", "/var/lock")
    assert [path for path in found if not path.startswith(allowed)] == []
    environment = run(["env"])
    for name in ("HOME", "KERAS_HOME", "XDG_CACHE_HOME"):
        assert f"{name}=/tmp" in environment


def test_any_user_can_train(run):
    code = (
        "import getpass, keras, numpy as np; print(getpass.getuser());"
        "m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]); m.compile('adam', 'mse');"
        "m.fit(np.ones((8, 4)), np.ones(8), verbose=0); m.save('/tmp/m.keras'); print('trained')"
    )
    assert "trained" in run(["python3", "-c", code])


def test_holds_no_compilers_caches_or_sources(run):
    assert "/" not in run(["sh", "-c", "for c in gcc g++ cc clang ld make git; do command -v $c; done; true"])
    assert run(["sh", "-c", "ls -A /tmp; ls -d /src /dist /app 2>/dev/null; true"]) == ""
    packages = "/opt/trimtab/lib/python3.11/site-packages"
    assert run(["sh", "-c", f"ls -d {packages}/pip {packages}/tensorflow/include 2>/dev/null; true"]) == ""


def test_modules_are_compiled_as_nothing_can_be_cached_later(run):
    names = ["tensorflow", "keras", "trimtab"]
    code = (
        "import importlib.util as u, pathlib;"
        f"print(*(pathlib.Path(u.find_spec(name).cached).exists() for name in {names}))"
    )
    assert run(["python3", "-c", code]).split() == ["True"] * len(names)


def test_versions_are_those_of_the_lock(run, root):
    locks = [root / "requirements.lock", *(root / f"requirements-{name}.lock" for name in EXTRAS)]
    lines = [line for lock in locks for line in lock.read_text().splitlines()]
    # A package may be there in several versions, for different Pythons.
    locked = {re.match(r"([a-z0-9.-]+)==(\S+)", line, re.I) for line in lines} - {None}
    locked = {(plain(found[1]), found[2]) for found in locked}
    code = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    installed = [line.split() for line in run(["python3", "-c", code]).splitlines()]
    installed = {(plain(name), version) for name, version in installed if name != "trimtab"}
    assert installed <= locked
    assert len(installed) > 50


def test_it_has_all_runtimes(run):
    code = "from trimtab.runtimes.registry import installed; print(*installed())"
    assert run(["python3", "-c", code]).split() == ["litert", "openvino", "onnxruntime"]


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_sigterm_ends_whatever_the_first_process_does(daemon, image, confined):
    # It waits for a config that nobody writes.
    script = "mkfifo /tmp/config.yaml; exec trimtab compile /tmp/config.yaml"
    waiting = daemon.containers.run(image, ["-c", script], detach=True, **{**confined, "entrypoint": "sh"})
    try:
        deadline = time.monotonic() + 30
        while waiting.status != "exited":
            assert time.monotonic() < deadline
            with contextlib.suppress(APIError):  # it has ended
                waiting.kill(signal.SIGTERM)
            time.sleep(0.2)
            waiting.reload()
        assert waiting.wait()["StatusCode"] == 128 + signal.SIGTERM
    finally:
        waiting.remove(force=True)


def test_help_answers_without_a_home_or_a_shell(image):
    done = subprocess.run(
        ["docker", "run", "--rm", "--network=none", image], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: trimtab" in done.stdout
