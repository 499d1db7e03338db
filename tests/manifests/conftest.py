"""Every directory that `kubectl apply -k` may be given, built."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

BUILDS = (
    "base",
    "kserve",
    "serving",
    "deployment",
    "secured/serving",
    "secured/deployment",
    "overlays/kind",
    "overlays/kind/serving",
    "overlays/gke",
    "overlays/kubeflow",
)


def pytest_generate_tests(metafunc):
    if "build" in metafunc.fixturenames:
        metafunc.parametrize("build", BUILDS, indirect=True)


@pytest.fixture(scope="session")
def manifests(root) -> Path:
    return root / "manifests"


@pytest.fixture(scope="session")
def built(manifests):
    """Returns the objects of every build by its directory, as kubectl or kustomize makes them, or skips."""
    command = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    if not shutil.which(command[0]):
        pytest.skip("neither kustomize nor kubectl is installed")

    def make(directory):
        done = subprocess.run(
            [*command, str(manifests / directory)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", "kustomize warns"
        return list(yaml.safe_load_all(done.stdout))

    return {directory: make(directory) for directory in BUILDS}


@pytest.fixture
def build(request, built):
    """Returns the objects of one build after the other."""
    return built[request.param]


@pytest.fixture(scope="session")
def definitions(root):
    """Returns the OpenAPI schemas of custom resources by (apiVersion, kind), or skips.

    ``TRIMTAB_CRDS`` names a folder of Kubeflow's and KServe's CustomResourceDefinitions.
    """
    folder = Path(os.environ.get("TRIMTAB_CRDS", root.parent / "shared" / "crds"))
    if not folder.is_dir():
        pytest.skip(f"no CustomResourceDefinitions at {folder}; set TRIMTAB_CRDS to their folder")
    found = {}
    for file in folder.glob("*.yaml"):
        for definition in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader):
            spec = definition["spec"]
            for version in spec["versions"]:
                key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                found[key] = version["schema"]["openAPIV3Schema"]
    return found
