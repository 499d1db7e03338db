"""Files of others are read in a process that may die of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimtab import registry
from trimtab.errors import ModelError
from trimtab.models.spec import ModelSpec
from trimtab.runtimes import adopting
from trimtab.runtimes.registry import runtime

WEIGHTS = np.random.default_rng(0).normal(size=(10, 64)).astype(np.float32)


def _spec(*shape: int) -> ModelSpec:
    return ModelSpec("image", "classification", shape, "float32", 10)


DYING = """
import os, signal, time

class Dying:
    name = "dying"
    def adopt(self, source, directory, shape):
        {what}

RUNTIME = Dying()
"""


@pytest.fixture
def source(tmp_path, linear_tflite) -> Path:
    path = tmp_path / "theirs.tflite"
    path.write_bytes(linear_tflite(WEIGHTS, shape=(8, 8, 1)))
    (tmp_path / "made").mkdir()
    return path


@pytest.fixture
def dying(tmp_path, monkeypatch):
    """Returns a function that makes a runtime of which reading a file does something bad."""

    def make(what: str):
        (tmp_path / "dying.py").write_text(DYING.format(what=what))
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setitem(registry.RUNTIMES, "dying", "dying")
        monkeypatch.delitem(adopting.sys.modules, "dying", raising=False)
        return runtime("dying")

    return make


def test_it_is_as_if_it_were_read_here(source, tmp_path):
    adopting.adopt(runtime("litert"), source, tmp_path / "made", _spec(8, 8, 1))
    assert (tmp_path / "made" / "model.tflite").read_bytes() == source.read_bytes()
    with pytest.raises(ModelError, match=r"theirs\.tflite: expected the input shape \(batch, 9, 9, 1\)"):
        adopting.adopt(runtime("litert"), source, tmp_path / "made", _spec(9, 9, 1))
    source.write_bytes(source.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot load it"):
        adopting.adopt(runtime("litert"), source, tmp_path / "made", _spec(8, 8, 1))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "died with SIGSEGV"),
        (
            "bytearray(2 << 30)",
            r"model\.limits\.memory_mb: reading it failed: MemoryError; it may take 768 MB",
        ),
        ("time.sleep(60)", r"model\.limits\.seconds: reading it took more than 2 s"),
    ],
)
def test_a_process_that_dies_is_a_typed_error(source, tmp_path, dying, monkeypatch, what, said):
    monkeypatch.setattr(adopting, "SECONDS", 2 if "sleep" in what else 60)
    with pytest.raises(ModelError, match=said) as caught:
        adopting.adopt(dying(what), source, tmp_path / "made", _spec(8, 8, 1))
    assert str(source) in str(caught.value)
