"""Tests on a Docker daemon: `make container-test` builds the image and runs them."""

import os

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from components.image import IMAGE


def pytest_configure(config):
    config.addinivalue_line("markers", "container: needs a Docker daemon and the image: make container-test")


@pytest.fixture(scope="session")
def daemon():
    """Returns a client of the Docker daemon, or skips."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        _missing(f"no Docker daemon answers: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(daemon):
    """Returns the name of the image under test, or skips."""
    name = os.environ.get("TRIMTAB_TEST_IMAGE", IMAGE)
    try:
        daemon.images.get(name)
    except ImageNotFound:
        _missing(f"the image {name} is not built: make image")
    return name


def _missing(reason):
    """Skips; where the image was asked for by name, to skip would hide that it was not tested."""
    if "TRIMTAB_TEST_IMAGE" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)
