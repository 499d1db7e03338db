"""The server's image: what a deployed version needs, and nothing that trains."""

import io
import json
import re
import tarfile

import pytest

pytestmark = pytest.mark.container
RUNTIMES = ("onnx", "openvino")
MOST_BYTES = 1_100_000_000
HEAVY = {
    "tensorflow",
    "keras",
    "tf-keras",
    "kfp",
    "tensorboard",
    "matplotlib",
    "pandas",
    "scikit-learn",
    "pip",
}
# A model for each runtime beside LiteRT would need what makes one; so the libraries are loaded that run it.
LOADS = """
from trimtab.runtimes.registry import runtime
import trimtab.runtimes.litert.model, trimtab.runtimes.onnxruntime.model, trimtab.runtimes.openvino.model
print(*(runtime(name).version() for name in ("litert", "onnxruntime", "openvino")))
"""


@pytest.fixture
def run(daemon, server_image, confined):
    """Returns a function that runs a command in a confined container and returns what it prints."""

    def run(command, **changed):
        settings = {**confined, "entrypoint": [], **changed}
        return daemon.containers.run(server_image, command, remove=True, **settings).decode()

    return run


def content(daemon, image, path):
    """Returns a file of an image: of 65 kB that a container prints, Docker's log may lack the end."""
    container = daemon.containers.create(image)
    try:
        chunks, _ = container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            return archive.extractfile(archive.getmembers()[0]).read()
    finally:
        container.remove()


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_it_has_what_its_locks_have_and_no_more(run, root):
    locks = [
        root / "requirements-serve.lock",
        *(root / f"requirements-serve-{name}.lock" for name in RUNTIMES),
    ]
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)", "".join(lock.read_text() for lock in locks), re.M)
    code = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    found = [line.split() for line in run(["python3", "-c", code]).splitlines()]
    installed = {(plain(name), version) for name, version in found}
    assert {name for name, _ in installed} >= {
        "trimtab",
        "uvicorn",
        "ai-edge-litert",
        "onnxruntime",
        "openvino",
    }
    assert {one for one in installed if one[0] != "trimtab"} <= {
        (plain(name), version) for name, version in lines
    }
    assert not HEAVY & {name for name, _ in installed}


def test_it_runs_what_any_runtime_was_proven_on(run):
    assert len(run(["python3", "-c", LOADS]).split()) == 3


def test_what_trains_is_said_to_be_missing(daemon, server_image, confined):
    command = ["-c", "trimtab status 2>&1; echo code $?"]
    told = daemon.containers.run(
        server_image, command, remove=True, **{**confined, "entrypoint": "sh"}
    ).decode()
    assert "pip install 'trimtab[train]'" in told
    assert told.endswith("code 2\n")


def test_it_is_a_third_of_the_other(daemon, server_image):
    assert daemon.images.get(server_image).attrs["Size"] < MOST_BYTES


@pytest.mark.parametrize("name", ["image", "server_image"])
def test_it_lists_its_packages(request, daemon, confined, name):
    image, settings = request.getfixturevalue(name), {**confined, "entrypoint": []}
    listed = json.loads(content(daemon, image, "/opt/trimtab/sbom.cdx.json"))
    code = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    printed = daemon.containers.run(image, ["python3", "-c", code], remove=True, **settings).decode()
    installed = {tuple(line.split()) for line in printed.splitlines()}
    assert listed["bomFormat"] == "CycloneDX"
    assert {(one["name"], one["version"]) for one in listed["components"]} == installed
