"""Tests on a Docker daemon: `make container-test` builds the image and runs them.

Without `TRIMTAB_TEST_IMAGE`, the name of the image, they are skipped: an image from yesterday says nothing.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import docker
import pytest
from docker.models.containers import ContainerCollection

from trimtab.cli import main

# As a pod under the restricted profile with a read-only root and a uid that the cluster picked.
CONFINED = {
    "user": "1234567:0",
    "read_only": True,
    "tmpfs": {"/tmp": "mode=1777"},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "network_mode": "none",
}


def pytest_configure(config):
    config.addinivalue_line("markers", "container: needs a Docker daemon and the image: make container-test")


class Run(NamedTuple):
    """A run of `examples/digits.yaml`."""

    directory: Path
    target: Path
    confined: list


@pytest.fixture(scope="session")
def daemon():
    """Returns a client of the Docker daemon, or skips."""
    if "TRIMTAB_TEST_IMAGE" not in os.environ:
        pytest.skip("needs the image: make container-test")
    with contextlib.closing(docker.from_env()) as client:
        yield client


@pytest.fixture(scope="session")
def image(daemon):
    """Returns the name of the image under test, or skips."""
    name = os.environ["TRIMTAB_TEST_IMAGE"]
    daemon.images.get(name)
    return name


@pytest.fixture(scope="session")
def server_image(daemon):
    """Returns the name of the server's image under test, or skips."""
    if "TRIMTAB_TEST_SERVER_IMAGE" not in os.environ:
        pytest.skip("needs the server's image: make container-test")
    name = os.environ["TRIMTAB_TEST_SERVER_IMAGE"]
    daemon.images.get(name)
    return name


@pytest.fixture(scope="session")
def confined():
    """Returns how a container is confined as strictly as a cluster may confine it."""
    return CONFINED


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    # A space in the path is to travel through mounts and commands unharmed.
    return tmp_path_factory.mktemp("with space")


@pytest.fixture(scope="session")
def example(root):
    """Returns the arguments of a run of the example; a limit on a stage changes none of its results."""
    limits = ["resources.stages.train.memory=4Gi", "resources.stages.train.cpu='64'"]
    return ["run", str(root / "examples/digits.yaml"), *(f"--set={limit}" for limit in limits)]


@pytest.fixture(scope="session")
def local(folder, example, image):
    """Returns the run with a process per task; without an image there is nothing to hold it against."""
    output = folder / "local"
    command = [sys.executable, "-m", "trimtab", *example, "--output", str(output)]
    subprocess.run(command, check=True, capture_output=True)
    return _run(output, [])


@pytest.fixture(scope="session")
def in_containers(folder, example, image):
    """Returns the run with a container per task, and how each container was confined."""
    confined, create = [], ContainerCollection.create

    def recorded(self, image, command=None, **given):
        container = create(self, image, command, **given)
        if "--function_to_execute" in command:  # else it is no task: the image is asked what it holds
            container.reload()
            confined.append((command[command.index("--function_to_execute") + 1], container.attrs))
        return container

    output = folder / "docker"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ContainerCollection, "create", recorded)
        with pytest.raises(SystemExit) as stopped:
            main([*example, "--runner", "docker", "--image", image, "--output", str(output)])
    assert stopped.value.code == 0
    return _run(output, confined)


def _run(output, confined):
    (directory,) = output.glob("digits-*")
    return Run(directory, output / "deployed/digits", confined)
