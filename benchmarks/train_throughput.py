"""Images per second of our training over bare ``model.fit`` on in-memory float arrays.

    python benchmarks/train_throughput.py [--images 3200] [--repetitions 7] [--batch-size 64] [--parquet FILE]
        [--architecture resnet8] [--variants VARIANT ...]

The model is MLPerf Tiny's ResNet-8 unless another is named, and the images are CIFAR-10's in shape, random
unless a Parquet file is given (columns ``image`` or ``img``: encoded bytes, or a struct that holds them;
``label``). Every variant is a process that trains one epoch when it is told to and then sleeps; a repetition
is one epoch of each, in an order that rotates, so that what else the machine does falls on all of them alike.
The ratio is taken within each repetition. On a machine that others use too, look at the CPU seconds.

- ``bare``: ``model.fit(x, y)`` with float32 arrays already scaled, no callbacks, XLA off (on CPUs XLA halves
  its speed, so this is the stronger baseline), deterministic operations off.
- ``bare, deterministic``: the same with deterministic operations on: what determinism costs.
- ``trimtab``: ``trimtab.train.loop.fit`` as the train stage calls it: uint8 in memory, exact resume, a
  checkpoint and TensorBoard's scalars every epoch.
- ``trimtab, augmented``: the same with flips and random crops.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

VARIANTS = ("bare", "bare, deterministic", "trimtab", "trimtab, augmented")
BASELINE, OURS = "bare", "trimtab"
SHAPE, CLASSES = (32, 32, 3), 10


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "images.npz"
        x, y = _images(arguments.images, arguments.parquet)
        np.savez(source, x=x, y=y)
        seconds = _interleaved(source, arguments)
    _report(arguments, seconds)


def _report(arguments: argparse.Namespace, seconds: dict[str, list[tuple[float, float]]]) -> None:
    rows, bare = {}, np.array(seconds[BASELINE])
    print(f"{'variant':24} {'images/s':>9} {'ratio':>6} {'CPU ratio':>9}  ratio of each repetition")
    for name in seconds:
        took = np.array(seconds[name])
        rate, ratios = arguments.images / np.median(took[:, 0]), bare / took
        wall, cpu = np.median(ratios, axis=0)
        each = " ".join(f"{ratio:.3f}" for ratio in ratios[:, 0])
        print(f"{name:24} {rate:9.0f} {wall:6.3f} {cpu:9.3f}  {each}")
        rows[name] = {
            "images_per_second": round(rate, 1),
            "ratio": round(wall, 4),
            "cpu_ratio": round(cpu, 4),
        }
    print(json.dumps({"images": arguments.images, "batch_size": arguments.batch_size, "variants": rows}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Training throughput against bare model.fit.")
    parser.add_argument("--images", type=int, default=3200, help="images an epoch")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--architecture", default="resnet8")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS, help="beside `bare`")
    parser.add_argument("--parquet", type=Path, help="CIFAR-10's training file; default: random images")
    return parser.parse_args()


def _images(n: int, parquet: Path | None) -> tuple[np.ndarray, np.ndarray]:
    if parquet is None:
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (n, *SHAPE), np.uint8), rng.integers(0, CLASSES, n)
    import pyarrow.parquet as pq
    from PIL import Image

    batch = next(pq.ParquetFile(parquet).iter_batches(n))
    column = batch.column("image" if "image" in batch.schema.names else "img").to_pylist()
    encoded = (cell["bytes"] if isinstance(cell, dict) else cell for cell in column)
    x = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in encoded])
    return x, np.asarray(batch.column("label"), np.int64)


def _interleaved(source: Path, arguments: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    """Returns ``(seconds, CPU seconds)`` of every repetition; the first epochs, which trace, are left out."""
    variants = [name for name in VARIANTS if name == BASELINE or name in arguments.variants]
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    with contextlib.ExitStack() as stack:
        workers = {name: stack.enter_context(_started(name, source, arguments)) for name in variants}
        for repetition in range(arguments.repetitions + 1):
            turn = repetition % len(variants)
            for name in variants[turn:] + variants[:turn]:
                took = _one_epoch(workers[name])
                if repetition:
                    seconds[name].append(took)
            print(f"repetition {repetition}/{arguments.repetitions}", file=sys.stderr)
    return seconds


@contextlib.contextmanager
def _started(name: str, source: Path, arguments: argparse.Namespace) -> Iterator[subprocess.Popen[str]]:
    """Yields a process that trains a variant; what it complains of is shown if it ends before its time."""
    command = [sys.executable, __file__, "--worker", name, str(source), str(arguments.batch_size)]
    with tempfile.TemporaryFile("w+") as complaints:
        worker = subprocess.Popen(
            [*command, arguments.architecture],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        try:
            yield worker
        except EOFError:
            complaints.seek(0)
            sys.exit(f"`{name}` ended before its time:\n{complaints.read()[-3000:]}")
        finally:
            worker.kill()
            worker.wait()


def _one_epoch(worker: subprocess.Popen[str]) -> tuple[float, float]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.write("go\n")
        worker.stdin.flush()
    told = worker.stdout.readline()
    if not told:
        raise EOFError
    wall, cpu = told.split()
    return float(wall), float(cpu)


class _Gate:
    """Ends an epoch: tells how long it took, and waits to be told to go on."""

    def __init__(self) -> None:
        self._began = self._cpu = 0.0

    def wait(self) -> None:
        if self._began:
            cpu = time.process_time() - self._cpu
            sys.__stdout__.write(f"{time.perf_counter() - self._began} {cpu}\n")
            sys.__stdout__.flush()
        sys.stdin.readline()
        self._began, self._cpu = time.perf_counter(), time.process_time()


def _worker(name: str, source: Path, batch_size: int, architecture: str) -> None:
    import keras
    import tensorflow as tf

    with np.load(source) as arrays:
        x, y = arrays["x"], arrays["y"]
    gate = _Gate()
    if name.startswith(OURS):
        _train_ours(x, y, batch_size, architecture, gate, augmented="augmented" in name)
        return
    if "deterministic" in name:
        keras.utils.set_random_seed(0)
        tf.config.experimental.enable_op_determinism()
    _train_bare(x, y, batch_size, architecture, gate)


def _train_bare(x: np.ndarray, y: np.ndarray, batch_size: int, architecture: str, gate: _Gate) -> None:
    import keras

    model = _model(architecture)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    model.fit(
        x.astype(np.float32) / 255,
        y,
        batch_size=batch_size,
        epochs=10_000,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: gate.wait())],
    )


def _train_ours(
    x: np.ndarray, y: np.ndarray, batch_size: int, architecture: str, gate: _Gate, *, augmented: bool
) -> None:
    from trimtab import progress
    from trimtab.config.train import Augment, Train
    from trimtab.train import determinism, loop
    from trimtab.train.settings import TrainSettings
    from trimtab.train.workspace import Workspace

    augment = Augment(flip_horizontal=augmented, crop_padding=4 if augmented else 0)
    train = Train(epochs=10_000, batch_size=batch_size, schedule="constant", augment=augment)
    progress.say = _at_epochs(gate)
    determinism.prepare(0)
    with tempfile.TemporaryDirectory() as folder:
        dataset, directory = _dataset(x, y, Path(folder) / "dataset"), Path(folder)
        model = _model(architecture)
        gate.wait()
        loop.fit(
            model,
            dataset,
            TrainSettings(train, 0),
            label="train",
            workspace=Workspace(directory / "checkpoints", directory / "tensorboard"),
        )


def _at_epochs(gate: _Gate) -> Callable[[str, str], None]:
    def say(_: str, text: str) -> None:
        if text.startswith("epoch"):
            gate.wait()

    return say


def _dataset(x: np.ndarray, y: np.ndarray, path: Path):  # type: ignore[no-untyped-def]
    from trimtab.data.dataset.dataset import SCHEMA_FILE, STATISTICS_FILE, Dataset, layout_of
    from trimtab.storage import artifact

    schema = _schema()
    with artifact.create(path, "dataset") as draft:
        (draft.path / SCHEMA_FILE).write_text(schema.model_dump_json())
        (draft.path / STATISTICS_FILE).write_text("{}")
        (draft.path / "train").mkdir()
        shard = layout_of(schema).encode(x.reshape(len(x), -1), y)
        (draft.path / "train" / "part-00000.tfrecord").write_bytes(shard)
        draft.counts, draft.lineage = {"train": len(x)}, {"fingerprint": "", "warnings": []}
    return Dataset.open(path)


def _schema():  # type: ignore[no-untyped-def]
    from trimtab.data.schema import Column, DatasetSchema, TensorSpec

    return DatasetSchema(
        task="classification",
        label="label",
        classes=[str(c) for c in range(CLASSES)],
        columns=[Column(name="image", kind="image")],
        input=TensorSpec(kind="image", shape=SHAPE, stored_dtype="uint8", scale=[1 / 255], offset=[0.0]),
        preprocessing={},
    )


def _model(architecture: str):  # type: ignore[no-untyped-def]
    import keras_tuner

    from trimtab.config.model import Model
    from trimtab.models import registry
    from trimtab.train.spec import model_spec

    chosen = Model(architecture=architecture)
    return registry.build(chosen, model_spec(_schema()), keras_tuner.HyperParameters())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        _worker(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        main()
