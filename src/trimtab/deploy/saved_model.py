"""What a SavedModel answers in a fresh process that has TensorFlow, and cannot import Keras.

It is a program of its own (``python -m trimtab.deploy.saved_model DIRECTORY INPUTS OUTPUTS``), because what
it proves is that the files are enough: TensorFlow Serving has neither Keras nor the model's own code.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.errors import DeployError

SIGNATURE, INPUT, OUTPUT = "serving_default", "inputs", "outputs"
TIMEOUT_S = 600
_NOT_NEEDED = ("keras", "tf_keras")


def outputs(directory: Path, x: Any, names: Sequence[str] = (OUTPUT,)) -> NDArray[np.float32]:
    """Returns the outputs of a SavedModel, as a fresh process computes them.

    Args:
        directory: Holds ``saved_model.pb``.
        x: Model-ready examples, as ``batch.fed`` gives them.
        names: Of its outputs, in the order of the answer.

    Returns:
        ``(n, outputs)``.

    Raises:
        DeployError: If the process cannot load or run it.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        inputs, output_file = Path(temporary, "inputs.npz"), Path(temporary, "outputs.npz")
        np.savez(inputs, **(x if isinstance(x, Mapping) else {INPUT: x}))
        command = [sys.executable, "-P", "-m", __name__, str(directory), str(inputs), str(output_file)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise DeployError(f"the SavedModel did not answer within {TIMEOUT_S} s") from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise DeployError(f"plain TensorFlow cannot run the SavedModel ({done.returncode}): {last}")
        with np.load(output_file, allow_pickle=False) as answer:
            return np.concatenate([answer[name] for name in names], axis=1)


def _answer(directory: str, inputs: str, output_file: str) -> None:
    """Runs the signature that TensorFlow Serving calls."""
    sys.modules.update(dict.fromkeys(_NOT_NEEDED))  # type: ignore[arg-type]  # importing one fails from now on
    import tensorflow as tf

    signature = tf.saved_model.load(directory).signatures[SIGNATURE]
    with np.load(inputs, allow_pickle=False) as given:
        answer = signature(**{name: tf.constant(given[name]) for name in given})
    np.savez(output_file, **{name: values.numpy() for name, values in answer.items()})


if __name__ == "__main__":
    _answer(*sys.argv[1:])
