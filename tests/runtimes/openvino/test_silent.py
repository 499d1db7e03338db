"""What is needed of OpenVINO beyond the contract of all runtimes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.runtimes.registry import is_installed

pytestmark = pytest.mark.skipif(not is_installed("openvino"), reason="openvino is not installed")

SCRIPT = """
import socket, sys
from pathlib import Path

def refused(*arguments, **named):
    raise AssertionError("it wants to talk to somebody")

socket.getaddrinfo = socket.create_connection = refused
import keras
import numpy as np
from trimtab.runtimes.registry import runtime

serving, directory = runtime("openvino"), Path(sys.argv[1])
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)])
x = np.random.default_rng(0).random((50, 8), np.float32)
params = serving.quantizers["int8"].params(calibration_examples=20)
serving.convert(model, "int8", params, directory, lambda n: {"input": x[:n]})
serving.load(directory).predict({"input": x})
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
"""


def test_nothing_is_reported_to_anybody_or_left_at_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "model.bin", "model.xml"]
    assert not [path for path in (tmp_path / "home").rglob("*") if "intel" in str(path)]
