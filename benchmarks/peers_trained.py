"""What trimtab makes of a model that it trained, beside what its peers make of the same one.

    python benchmarks/peers_trained.py a|c|d|e|f --data FOLDER [--peers PYTHON] [--json FILE] [--baseline]
        [--set FIELD=VALUE …] [--only PATTERN …] [--output runs/bench-peers]

The works are the configs in ``benchmarks/works``: data, the baseline's training, trimtab's chains, limits.
``--baseline`` ends where the baseline is trained, which is kept in the output's store, as is all that
trimtab makes. Peers make what their guides say of the baseline; TFMOT fine-tunes by ``peers_tfmot.py``.
Every file is judged on the same test rows by the same limits, each candidate alone, and all take turns to be
timed. A row of the JSON has the task's own limit as ``drop`` and ``drop_bound``, and others below ``limits``.
What cannot be made is told, with the reason.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import peers
import peers_keras
from made import Made

WORKS = Path(__file__).parent / "works"
FILES = {
    "a": {"train": "cifar10/train.parquet", "test": "cifar10/test.parquet"},
    "c": {"train": "cifar10/train.parquet", "test": "cifar10/test.parquet"},
    "d": {"train": "free_spoken_digits/train.zip", "test": "free_spoken_digits/test.zip"},
    "e": {"train": "bank_marketing/data.csv"},
    "f": {split: f"sst2/{split}.csv" for split in ("train", "validation", "test")},
}
CALIBRATION = 200
TFMOT_EPOCHS = 2
"""Of each of a recipe's two trainings; its guides take one or two."""


def main() -> int:
    """Makes, judges and times everything of a work, and prints a line for each."""
    arguments = _arguments()
    missing = [path for path in _sources(arguments).values() if not path.exists()]
    if missing:
        print(f"work {arguments.work}: skipped, there is no {missing[0]}: give --data")
        return 0
    from trimtab.config.loader import load

    given = [f"data.{side}={path}" for side, path in _sources(arguments).items()]
    config = load(WORKS / f"{arguments.work}.yaml", [*given, *arguments.set])
    work = _Work(config, f"{arguments.output}/{config.name}-{time.time_ns()}")
    if arguments.baseline:
        print(f"work {arguments.work}: {work.model} in {arguments.output}/store")
        return 0
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        table = list(_rows(arguments, work, Path(temporary)))
    if arguments.json:
        peers.write(arguments.json, arguments.work, table)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What trimtab makes of a model, and what its peers do.")
    parser.add_argument("work", choices=sorted(FILES))
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder with the data sets")
    parser.add_argument("--peers", help="the Python of the environment that has AI Edge Quantizer")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--only", nargs="*", default=["*"], help="such as 'trimtab *' or '*int8*'")
    parser.add_argument("--output", default="runs/bench-peers")
    parser.add_argument("--baseline", action="store_true", help="train it, and no more")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _sources(arguments: argparse.Namespace) -> dict[str, Path]:
    return {side: (arguments.data / name).absolute() for side, name in FILES[arguments.work].items()}


class _Work:
    """A trained baseline, and what trimtab makes of it by the config's chains.

    Args:
        config: The resolved config.
        run_uri: The directory of a run; the store beside it is kept.
    """

    def __init__(self, config: Any, run_uri: str) -> None:
        from trimtab.artifacts.store import ContentStore
        from trimtab.stages import data_prep, train, tune

        self.config, self.store, self._run = config, ContentStore(run_uri), run_uri
        self._dataset = data_prep.run(run_uri, config.model_dump_json())
        self.model = train.run(run_uri, self._dataset, tune.run(run_uri, self._dataset))

    def candidates(self) -> Iterator[tuple[Made, int]]:
        """Yields trimtab's candidates, with their epochs of fine-tuning."""
        from trimtab.artifacts import shard
        from trimtab.search.space import epochs_of
        from trimtab.stages import prune, quantize

        pruned = prune.run(self._run, "1/1", self._dataset, self.model)
        made = shard.read(self.store, shard.QUANTIZED, quantize.run(self._run, "1/1", self._dataset, pruned))
        for name, candidate in self.config.candidates().items():
            outcome, runtime = made[name], candidate.ending.runtime
            recipe = " + ".join(_told(step) for step in candidate.steps)
            epochs = epochs_of([*candidate.steps])
            yield Made("trimtab", recipe, runtime, partial(self._copy, runtime, outcome)), epochs

    def _copy(self, name: str, outcome: Any, place: Path) -> None:
        from trimtab.runtimes import files
        from trimtab.runtimes.registry import runtime

        if not outcome.ref:
            raise RuntimeError(outcome.reason)
        files.copy(runtime(name), self.store.open(outcome.ref).path, place)

    def baseline(self) -> Path:
        """Returns the file of the Keras model that all begin with."""
        from trimtab.artifacts.model import MODEL_FILE

        return Path(self.store.open(self.model, [MODEL_FILE]).path / MODEL_FILE)

    def data(self) -> Any:
        """Returns the dataset."""
        from trimtab.artifacts import dataset

        return dataset.read(self.store, self._dataset, ["train", "validation", "test"])


def _told(step: Any) -> str:
    given, usual = step.params.model_dump(), type(step.params)().model_dump()
    other = [f"{key} {_short(value)}" for key, value in given.items() if value != usual[key]]
    return " ".join([step.name, *other])


def _short(value: Any) -> str:
    return str(value.get("model", value)) if isinstance(value, dict) else str(value)


def _rows(arguments: argparse.Namespace, work: _Work, scratch: Path) -> Iterator[dict[str, Any]]:
    """Yields the row of each candidate that could be made, and prints it."""
    from trimtab.batch import take
    from trimtab.evaluate import latency
    from trimtab.evaluate.turns import Served
    from trimtab.models import archive
    from trimtab.runtimes.registry import runtime

    ours = list(work.candidates())
    data, model = work.data(), archive.load(work.baseline(), work.config.model)
    examples = data.sample("train", CALIBRATION, work.config.seed)[0]

    def given(count: int) -> Mapping[str, np.ndarray]:
        return take(examples, 0, count)

    def floats(name: str) -> Path:
        place, serving = scratch / f"float-{name}", runtime(name)
        if not place.exists():
            place.mkdir()
            serving.convert(model, "none", serving.quantizers["none"].params(), place, given)
        return place / serving.files[0]

    made: dict[str, tuple[Made, Path, int]] = {}
    theirs = _of_peers(arguments, work, data, model, given, floats, scratch)
    for number, (candidate, epochs) in enumerate([*ours, *theirs]):
        if not any(fnmatch.fnmatch(candidate.name, pattern) for pattern in arguments.only):
            continue
        place = scratch / f"{number}"
        place.mkdir()
        try:
            candidate.make(place)
            runtime(candidate.runtime).load(place).predict(take(examples, 0, 1))
        # A peer raises what it will.
        except Exception as error:
            print(f"{candidate.name}: not made: {type(error).__name__}: {str(error)[:200]}", flush=True)
            continue
        made[candidate.name] = candidate, place, epochs
    base = floats("litert").parent
    judge = _Judge(work.config, data, base)
    whole = peers.packed_bytes(base, ("model.tflite",))
    served = {name: Served(each.runtime, place) for name, (each, place, _) in made.items()}
    served["float"] = Served("litert", base)
    turns = dict.fromkeys(served, take(examples, 0, 64))
    times, _ = latency.measure(served, turns, 1, work.config.seed)
    told = ", ".join(f"{name} {value:.4f}" for name, value in judge.values.items())
    print(f"float: {told}, gzip {whole:,} B, p50 {times['float'].p50 * 1000:.1f} us", flush=True)
    if any(name.startswith("Keras ") for name in made):
        for line in peers_keras.in_tensorflow(model, given(1)):
            print(line, flush=True)
    for name, (candidate, place, epochs) in made.items():
        (own, *others) = judge.losses(candidate.runtime, place)
        row = {
            "work": arguments.work,
            "tool": candidate.tool,
            "runtime": candidate.runtime,
            "recipe": candidate.recipe,
            "drop": own[1],
            "drop_bound": own[2],
            "gzip_ratio": round(whole / peers.packed_bytes(place, runtime(candidate.runtime).files), 3),
            "latency_ratio": round(times["float"].p50 / times[name].p50, 3),
            "epochs": epochs,
            "seed": work.config.seed,
        }
        if others:
            row["limits"] = {metric: {"drop": drop, "drop_bound": bound} for metric, drop, bound in others}
        print(json.dumps(row), flush=True)
        yield row


def _of_peers(
    arguments: argparse.Namespace,
    work: _Work,
    data: Any,
    model: Any,
    given: Callable[[int], Mapping[str, np.ndarray]],
    floats: Callable[[str], Path],
    scratch: Path,
) -> Iterator[tuple[Made, int]]:
    """Yields what peers make, with their epochs of fine-tuning."""
    (rows,) = given(CALIBRATION).values()
    untrained = [
        *peers.litert_converter(model, given, CALIBRATION),
        *(peers.edge_quantizer(arguments.peers, floats("litert"), rows) if arguments.peers else ()),
        *peers.nncf(partial(floats, "litert"), rows),
        *peers.onnxruntime(partial(floats, "onnxruntime"), rows),
        *peers_keras.quantize(model, given),
    ]
    yield from ((made, 0) for made in untrained)
    for recipe in ("QAT", "PQAT", "CQAT", "PCQAT"):
        make = partial(_by_tfmot, recipe, work, data, scratch)
        yield Made("TFMOT", recipe, "litert", make), TFMOT_EPOCHS * (1 if recipe == "QAT" else 2)


def _by_tfmot(recipe: str, work: _Work, data: Any, scratch: Path, place: Path) -> None:
    """Has TFMOT fine-tune the baseline, in a process of its own: it changes what `tf.keras` is."""
    rows = scratch / "train.npz"
    if not rows.exists():
        x, y = data.sample("train", data.rows["train"], work.config.seed)
        np.savez(rows, x=next(iter(x.values())), y=y)
    script = Path(__file__).with_name("peers_tfmot.py")
    command = [sys.executable, str(script), recipe, str(work.baseline()), str(rows)]
    command += [str(TFMOT_EPOCHS), str(work.config.train.batch_size), str(work.config.seed)]
    done = subprocess.run([*command, str(place / "model.tflite")], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])


class _Judge:
    """The limits of a work, on its test rows.

    Args:
        config: The resolved config.
        data: The dataset.
        base: The LiteRT file in floats.
    """

    def __init__(self, config: Any, data: Any, base: Path) -> None:
        from trimtab.evaluate.demands import demands
        from trimtab.stages.proving import split_of

        self._data, self._confidence = data, config.budget.confidence
        self._split = split_of(data, "test", config.budget.columns, data.groups("test"))
        self._demands = demands(config.budget, self._split)
        self._before = self._answered("litert", base)
        tests = [demand.test(self._split, self._before, self._before, 0.95) for demand in self._demands]
        self.values = {test.limit: test.value or 0.0 for test in tests}

    def losses(self, name: str, place: Path) -> list[tuple[str, float, float]]:
        """Returns each limit's name with what is lost, and what is not ruled out that it is."""
        after = self._answered(name, place)
        found = [demand.test(self._split, self._before, after, self._confidence) for demand in self._demands]
        return [
            (test.limit, round(float(test.loss), 4), round(float(test.upper_bound), 4))
            for test in found
            if test.loss is not None and test.upper_bound is not None
        ]

    def _answered(self, name: str, place: Path) -> Any:
        """Returns what a model makes of the test rows, by the thresholds that validation rows give it."""
        from trimtab.artifacts.evaluation import Examples
        from trimtab.batch import answered, fed
        from trimtab.runtimes.registry import runtime
        from trimtab.stages.making.evaluated import on_validation
        from trimtab.tasks.of_labels import meant

        model, schema = runtime(name).load(place), self._data.schema
        judging, (_, own) = meant(schema).judging, on_validation(model, self._data)
        parts = [
            (judging.answers(fed(x), answered(model.predict(x), schema.output_names)), y)
            for x, y in self._data.batches("test", 256)
        ]
        answers, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
        scores = judging.quality(answers, labels, own).scores
        return Examples(scores, answers, own=own)


if __name__ == "__main__":
    sys.exit(main())
