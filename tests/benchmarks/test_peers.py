"""The benchmark beside peers: what it says of a candidate, and that it says so where there are no data."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from keras import layers
from PIL import Image

from trimtab.config.loader import load


def test_without_data_it_says_so(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(root / "benchmarks/peers.py"), "--cifar10", "nowhere"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("work b: skipped, there is no nowhere")


def test_works_that_begin_with_a_training_are_configs_and_say_where_data_are_missing(root: Path) -> None:
    script = root / "benchmarks/peers_trained.py"
    done = subprocess.run(
        [sys.executable, str(script), "e", "--data", "/nowhere"], check=True, capture_output=True, text=True
    )
    assert done.stdout == "work e: skipped, there is no /nowhere/bank_marketing/data.csv: give --data\n"
    works = {path.stem: load(path, []) for path in (root / "benchmarks/works").glob("*.yaml")}
    assert sorted(works) == ["a", "c", "d", "e", "f"]
    assert all(len(config.candidates()) >= 6 for config in works.values())
    assert [limit.metric for limit in works["e"].budget.limits] == ["roc_auc"]


@pytest.mark.slow
def test_a_row_has_what_readers_of_it_expect(root: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name, count in (("train", 40), ("test", 30)):
        images = [_encoded(generator.integers(0, 255, (32, 32, 3), dtype=np.uint8)) for _ in range(count)]
        table = pa.table({"image": images, "label": [("cat", "dog")[at % 2] for at in range(count)]})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, strides=4, activation="relu")(inputs)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    outs = layers.Dense(2, activation="softmax")(layers.Flatten()(x))
    keras.Model(inputs, outs).save(tmp_path / "small.keras")
    command = [sys.executable, str(root / "benchmarks/peers.py"), "--cifar10", str(tmp_path)]
    command += ["--resnet8", str(tmp_path / "small.keras"), "--json", str(tmp_path / "rows.json")]
    command += [
        "--calibration",
        "10",
        "--validation",
        "10",
        "40",
        "--test",
        "30",
        "--only",
        "trimtab int8 codes 31*",
        "Keras quantize int? litert",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row, keras_row = json.loads((tmp_path / "rows.json").read_text())
    assert (row["work"], row["tool"], row["runtime"]) == ("b", "trimtab", "litert")
    assert (row["recipe"], row["epochs"], row["seed"]) == ("int8 codes 31", 0, 0)
    assert row["drop"] <= row["drop_bound"] <= 1
    assert row["gzip_ratio"] > 2
    assert row["latency_ratio"] > 0
    assert (keras_row["tool"], keras_row["recipe"]) == ("Keras", "quantize int4")
    assert "Keras quantize int8 litert: not made: CompressionError" in done.stdout
    assert "Keras int8, in TensorFlow: archive " in done.stdout


def _encoded(image: np.ndarray) -> dict[str, bytes]:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return {"bytes": buffer.getvalue()}
