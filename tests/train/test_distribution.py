"""Several devices: two virtual CPUs stand in for two GPUs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from trimtab.data.dataset.dataset import Dataset
from trimtab.train.distribution import strategy

SCRIPT = """
import sys
from pathlib import Path
import keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from trimtab.config.train import Train
from trimtab.data.dataset.dataset import Dataset
from trimtab.train import determinism, loop
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace
determinism.prepare(0)
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with mirrored.scope():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(16, activation="relu")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
train = Train(epochs=4, batch_size=16, learning_rate=0.01, early_stopping={"patience": 3})
data, directory = Dataset.open(sys.argv[1]), Path(sys.argv[2])
workspace = Workspace(directory, directory / "logs")
history = loop.fit(model, data, TrainSettings(train, 0), label="two", workspace=workspace)
assert mirrored.num_replicas_in_sync == 2
assert history.epochs[-1]["val_accuracy"] > 0.9, history
"""


def test_on_one_device_it_is_the_default_strategy() -> None:
    assert strategy() is tf.distribute.get_strategy()


@pytest.mark.slow
def test_the_loop_runs_under_a_mirrored_strategy(
    classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SCRIPT, str(classification().path), str(tmp_path / "checkpoints")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
