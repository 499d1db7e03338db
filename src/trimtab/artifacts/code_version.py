"""What tells one trimtab from another, as far as the results of its stages are concerned."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import trimtab

_LIBRARIES = (
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflow-model-optimization",
    "keras-tuner",
    "ai-edge-litert",
    "openvino",
    "nncf",
    "onnxruntime",
    "onnx",
    "numpy",
    "pyarrow",
    "pillow",
    "scipy",
)
_NO_PART = ("cli", "report", "deploy")
"""Rooms that have no part in what the content store holds."""


@functools.cache
def code_version() -> str:
    """Returns a digest of trimtab's sources, of Python, and of the libraries that shape results."""
    root = Path(trimtab.__file__).parent
    digest = hashlib.sha256(platform.python_version().encode())
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root)
        if name.parts[0] not in _NO_PART:
            digest.update(f"{name.as_posix()}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    for library in _LIBRARIES:
        digest.update(f"{library} {_version(library)}\n".encode())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
