"""The GPU image adds CUDA to the packages of the other, and changes none of them."""

import re


def versions(path):
    found = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", path.read_text(), re.M)
    return {(name, version) for name, version in found}


def test_the_gpu_image_has_the_same_packages_and_cuda(root):
    common, gpu = versions(root / "requirements.lock"), versions(root / "requirements-gpu.lock")
    added = {name for name, _ in gpu - common}
    assert added
    assert {name for name in added if not name.startswith("nvidia-")} == set()
    assert any(name == "tensorflow" for name, _ in gpu & common)


def test_every_package_is_hashed(root):
    for name in ("requirements.lock", "requirements-gpu.lock"):
        text = (root / name).read_text()
        blocks = re.split(r"^(?=[\w.-]+(?:\[[\w,-]+\])?==)", text, flags=re.M)[1:]
        assert blocks
        assert all("--hash=sha256:" in block for block in blocks)
