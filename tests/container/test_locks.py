"""What is added on top (CUDA, the runtimes) changes none of the common packages."""

import re

import pytest


def versions(path):
    found = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", path.read_text(), re.M)
    return {(name, version) for name, version in found}


def test_the_gpu_image_has_the_same_packages_and_cuda(root):
    common, gpu = versions(root / "requirements.lock"), versions(root / "requirements-gpu.lock")
    added = {name for name, _ in gpu - common}
    assert added
    assert {name for name in added if not name.startswith("nvidia-")} == set()
    assert any(name == "tensorflow" for name, _ in gpu & common)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("mlflow", "mlflow-skinny"),
        ("onnx", "onnxruntime"),
        ("openvino", "nncf"),
        ("tflite", "ai-edge-quantizer"),
    ],
)
def test_an_extra_adds_its_own_packages(root, extra, expected):
    common, added = versions(root / "requirements.lock"), versions(root / f"requirements-{extra}.lock")
    assert expected in {name for name, _ in added - common}
    assert not {name for name, _ in added - common} & {name for name, _ in common}
    assert added <= versions(root / "requirements-dev.lock")


def test_every_package_is_hashed(root):
    for path in root.glob("requirements*.lock"):
        text = path.read_text()
        blocks = re.split(r"^(?=[\w.-]+(?:\[[\w,-]+\])?==)", text, flags=re.M)[1:]
        assert blocks
        assert all("--hash=sha256:" in block for block in blocks)
