"""What trimtab makes of a model beside what its peers make of it: same split, same judge, same timer.

    python benchmarks/peers.py --cifar10 DIR --resnet8 pretrainedResnet.h5 [--peers PYTHON] [--json FILE]
        [--calibration 200] [--validation 45000 46000] [--test 10000] [--seed 0] [--only PATTERN …]

Work (b): MLPerf Tiny's ResNet-8, brought as a file, on images of CIFAR-10. Nothing is trained. Training rows
calibrate, other training rows choose, test rows judge. A peer's file is run by the runtime that trimtab
has for it, and is held to the same bound, of each candidate alone. The times of all are taken in turns. What
cannot be made is told, with the reason.
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import gzip
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
import peers_keras
from made import Made

CONFIDENCE = 0.95
WORK = "b"


@dataclasses.dataclass(frozen=True)
class Rows:
    """Images from 0 to 255 with the places of their labels."""

    x: np.ndarray
    y: np.ndarray


def read(path: Path, classes: list[str], first: int, last: int) -> Rows:
    """Returns rows of a Parquet file of encoded images."""
    import pyarrow.parquet as pq
    from PIL import Image

    table = pq.read_table(path).slice(first, last - first).to_pydict()
    encoded = [each["bytes"] if isinstance(each, dict) else each for each in table["image"]]
    x = np.stack([np.asarray(Image.open(io.BytesIO(each)).convert("RGB"), np.float32) for each in encoded])
    return Rows(x, np.array([classes.index(label) for label in table["label"]]))


def ours(model: object, rows: Callable[[int], dict[str, np.ndarray]], validation: Rows) -> Iterator[Made]:
    """Yields what trimtab makes by its own runtimes, with the choices it makes on validation rows."""
    from trimtab.batch import INPUT, OUTPUT
    from trimtab.models.tensors import answer
    from trimtab.runtimes.registry import installed, runtime

    expected = answer(model, {INPUT: validation.x})[OUTPUT]

    def maker(name: str, quantizer: str, given: dict[str, object]) -> Callable[[Path], None]:
        serving = runtime(name)

        def judge(place: Path) -> tuple[float, ...]:
            found = serving.load(place).predict({INPUT: validation.x})[OUTPUT]
            wrong = float((found.argmax(axis=1) != validation.y).mean())
            return wrong, float(np.square(found - expected).mean())

        params = serving.quantizers[quantizer].params.model_validate(given)

        def make(place: Path) -> None:
            serving.convert(model, quantizer, params, place, rows, judge)

        return make

    for codes in (None, 63, 31, 15, "auto"):
        given = {} if codes is None else {"codes": codes}
        for quantizer in ("dynamic_int8", "int8"):
            recipe = quantizer + (f" codes {codes}" if codes else "")
            yield Made("trimtab", recipe, "litert", maker("litert", quantizer, given))
    for name in installed():
        for quantizer in ("none", "float16", "dynamic_int8", "int8"):
            if quantizer in runtime(name).quantizers and (name != "litert" or "int8" not in quantizer):
                yield Made("trimtab", quantizer, name, maker(name, quantizer, {}))


def litert_converter(
    model: object, rows: Callable[[int], dict[str, np.ndarray]], count: int
) -> Iterator[Made]:
    """Yields what TensorFlow's converter makes, as its guide says."""
    import tensorflow as tf

    def converted(place: Path, options: Callable[[object], None]) -> None:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        options(converter)
        (place / "model.tflite").write_bytes(converter.convert())

    def dynamic(converter: object) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    def static(converter: object) -> None:
        dynamic(converter)
        (x,) = rows(count).values()
        converter.representative_dataset = lambda: ([x[at : at + 1]] for at in range(len(x)))

    def int16(converter: object) -> None:
        static(converter)
        kernels = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            kernels.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            kernels.TFLITE_BUILTINS,
        ]

    for recipe, options in (("dynamic", dynamic), ("int8", static), ("int16x8", int16)):
        yield Made("LiteRT converter", recipe, "litert", lambda place, how=options: converted(place, how))


_EDGE = """
import sys, numpy
from ai_edge_quantizer import quantizer, recipe
source, rows, name, target = sys.argv[1:]
x = numpy.load(rows)
work = quantizer.Quantizer(source, getattr(recipe, name)())
examples = {"serving_default": [{"input": x[at : at + 1]} for at in range(len(x))]}
statistics = work.calibrate(examples) if name.startswith("static") else None
open(target, "wb").write(work.quantize(statistics).quantized_model)
"""
_EDGE_RECIPES = (
    "dynamic_wi8_afp32",
    "static_wi8_ai8",
    "static_wi8_ai16",
    "dynamic_wi4_afp32",
    "weight_only_wi4_afp32",
)


def edge_quantizer(python: str, floats: Path, rows: np.ndarray) -> Iterator[Made]:
    """Yields what AI Edge Quantizer makes of the file in floats, in an environment of its own."""
    for recipe in _EDGE_RECIPES:
        make = partial(_apart, python, _EDGE, lambda: floats, rows, recipe, "model.tflite")
        yield Made("AI Edge Quantizer", recipe, "litert", make)


def _apart(
    python: str,
    script: str,
    floats: Callable[[], Path],
    rows: np.ndarray,
    recipe: str,
    name: str,
    place: Path,
) -> None:
    """Has a script make a file in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        examples = Path(temporary) / "rows.npy"
        np.save(examples, rows)
        command = [python, "-c", script, str(floats()), str(examples), recipe, str(place / name)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])


def nncf(floats: Callable[[], Path], rows: np.ndarray) -> Iterator[Made]:
    """Yields what NNCF makes of the file in floats, which OpenVINO reads."""

    def quantized(place: Path) -> None:
        import nncf as peer

        from trimtab.runtimes.openvino.silent import ov

        graph = ov.Core().read_model(floats())
        examples = peer.Dataset([rows[at : at + 1] for at in range(len(rows))])
        ov.save_model(peer.quantize(graph, examples, subset_size=len(rows)), place / "model.xml", False)

    yield Made("NNCF", "quantize", "openvino", quantized)


_ONNX = """
import sys, numpy, onnx, onnxruntime
from onnxruntime import quantization
source, rows, recipe, target = sys.argv[1:]
x, name = numpy.load(rows), onnx.load(source).graph.input[0].name
examples = iter({name: x[at : at + 1]} for at in range(len(x)))
class Reader(quantization.CalibrationDataReader):
    def get_next(self):
        return next(examples, None)
if recipe == "quantize_dynamic":
    quantization.quantize_dynamic(source, target)
else:
    quantization.quantize_static(source, target, Reader())
onnxruntime.InferenceSession(target).run(None, {name: x[:1]})
"""


def onnxruntime(floats: Callable[[], Path], rows: np.ndarray) -> Iterator[Made]:
    """Yields what ONNX Runtime's quantizers make of the export in floats, as they are by default.

    In a process of its own: of a model with an LSTM they give a file that ends the process that loads it.
    """
    for recipe in ("quantize_dynamic", "quantize_static"):
        make = partial(_apart, sys.executable, _ONNX, floats, rows, recipe, "model.onnx")
        yield Made("ONNX Runtime", recipe, "onnxruntime", make)


def packed_bytes(directory: Path, names: tuple[str, ...]) -> int:
    """Returns the bytes of a runtime's files after gzip."""
    return sum(len(gzip.compress((directory / name).read_bytes(), 9)) for name in names)


def main() -> int:
    """Makes, judges and times everything, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar10", type=Path, help="the folder with train.parquet and test.parquet")
    parser.add_argument("--resnet8", type=Path, help="MLPerf Tiny's pretrainedResnet.h5")
    parser.add_argument("--peers", help="the Python of the environment that has AI Edge Quantizer")
    parser.add_argument("--calibration", type=int, default=200)
    parser.add_argument("--validation", type=int, nargs=2, default=[45_000, 46_000], help="training rows")
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=["*"], help="such as 'trimtab *' or '*int8*'")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    for given in (arguments.cifar10, arguments.resnet8):
        if given is None or not given.exists():
            print(f"work {WORK}: skipped, there is no {given or 'data'}: give --cifar10 and --resnet8")
            return 0
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        table = list(rows_of(arguments, Path(temporary)))
    if arguments.json:
        write(arguments.json, WORK, table)
    return 0


def write(path: Path, work: str, table: list[dict[str, object]]) -> None:
    """Puts the rows of a work in the place of those that a file has of it."""
    others = [row for row in json.loads(path.read_text()) if row["work"] != work] if path.exists() else []
    rows = sorted([*others, *table], key=lambda row: str(row["work"]))
    path.write_text("[\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]\n")


def rows_of(arguments: argparse.Namespace, scratch: Path) -> Iterator[dict[str, object]]:
    """Yields the row of each candidate that could be made, and prints it."""
    from trimtab.batch import INPUT, OUTPUT, take
    from trimtab.evaluate import latency
    from trimtab.evaluate.bounds.paired_proportions import upper_limit
    from trimtab.evaluate.turns import Served
    from trimtab.models import archive
    from trimtab.runtimes.registry import runtime

    model = archive.load(arguments.resnet8)
    train = arguments.cifar10 / "train.parquet"
    # The classes of MLPerf Tiny's file are in the order of their names.
    import pyarrow.parquet as pq

    classes = sorted(set(pq.read_table(train, columns=["label"])["label"].to_pylist()))
    calibration = read(train, classes, 0, arguments.calibration)
    validation = read(train, classes, *arguments.validation)
    test = read(arguments.cifar10 / "test.parquet", classes, 0, arguments.test)

    def given(count: int) -> dict[str, np.ndarray]:
        return {INPUT: calibration.x[:count]}

    @cache
    def floats(name: str) -> Path:
        place, serving = scratch / f"float-{name}", runtime(name)
        place.mkdir()
        serving.convert(model, "none", serving.quantizers["none"].params(), place, given)
        return place / serving.files[0]

    candidates = [
        *ours(model, given, validation),
        *litert_converter(model, given, arguments.calibration),
        *(edge_quantizer(arguments.peers, floats("litert"), calibration.x) if arguments.peers else ()),
        *nncf(partial(floats, "litert"), calibration.x),
        *onnxruntime(partial(floats, "onnxruntime"), calibration.x),
        *peers_keras.quantize(model, given),
    ]
    made: dict[str, tuple[Made, Path]] = {}
    for number, candidate in enumerate(candidates):
        if not any(fnmatch.fnmatch(candidate.name, pattern) for pattern in arguments.only):
            continue
        place = scratch / f"{number}"
        place.mkdir()
        try:
            candidate.make(place)
            runtime(candidate.runtime).load(place).predict(take({INPUT: test.x}, 0, 1))
        # A peer raises what it will.
        except Exception as error:
            print(f"{candidate.name}: not made: {type(error).__name__}: {str(error)[:200]}", flush=True)
            continue
        made[candidate.name] = candidate, place

    def is_right(name: str, place: Path) -> np.ndarray:
        found = runtime(name).load(place).predict({INPUT: test.x})[OUTPUT]
        return np.asarray(found.argmax(axis=1) == test.y)

    base = floats("litert").parent
    right = is_right("litert", base)
    whole = packed_bytes(base, ("model.tflite",))
    served = {name: Served(each.runtime, place) for name, (each, place) in made.items()}
    served["float"] = Served("litert", base)
    times, _ = latency.measure(served, dict.fromkeys(served, take({INPUT: test.x}, 0, 64)), 1, arguments.seed)
    print(f"float: accuracy {right.mean():.4f}, gzip {whole:,} B, p50 {times['float'].p50 * 1000:.1f} us")
    if any(name.startswith("Keras ") for name in made):
        for line in peers_keras.in_tensorflow(model, given(1)):
            print(line, flush=True)
    for name, (candidate, place) in made.items():
        found = is_right(candidate.runtime, place)
        lost, gained = int((right & ~found).sum()), int((found & ~right).sum())
        row = {
            "work": WORK,
            "tool": candidate.tool,
            "runtime": candidate.runtime,
            "recipe": candidate.recipe,
            "drop": round((lost - gained) / len(right), 4),
            "drop_bound": round(upper_limit(lost, gained, len(right), CONFIDENCE), 4),
            "gzip_ratio": round(whole / packed_bytes(place, runtime(candidate.runtime).files), 3),
            "latency_ratio": round(times["float"].p50 / times[name].p50, 3),
            "epochs": 0,
            "seed": arguments.seed,
        }
        print(json.dumps(row), flush=True)
        yield row


if __name__ == "__main__":
    sys.exit(main())
