"""What passes make of a model: accuracy on test rows, parameters, MACs and size, chain by chain.

    python benchmarks/passes.py examples/spoken_digits.yaml CHAIN ... [--set FIELD=VALUE ...] [--seeds 1]
        [--output runs/bench-passes]

A chain is JSON as in a config's ``recipes``, with alternatives if you like:
``[{"channels": {"ratio": 0.6, "epochs": 2}}, "dynamic_int8"]``. Data and trained model are kept in the
output's store and used again. The accuracy is the task's headline metric of the Keras model before its last
step (``keras``) and of the files (``files``), the means over the seeds of the fine-tuning; ``gz x`` is the
size of the float LiteRT file over the size, both after gzip.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    arguments = _arguments()
    from trimtab.config.loader import load
    from trimtab.stages import data_prep, train, tune

    recipes = f"recipes={json.dumps([json.loads(chain) for chain in arguments.chains])}"
    config = load(Path(arguments.config), [*arguments.set, recipes])
    # Beside the store, which is kept: a directory is of one config.
    run = f"{arguments.output}/{config.name}-{time.time_ns()}"
    dataset = data_prep.run(run, config.model_dump_json())
    model = train.run(run, dataset, tune.run(run, dataset))
    print(f"{'chain':70} {'keras':>7} {'files':>7} {'parameters':>10} {'MACs':>11} {'gz x':>5} {'s':>5}")
    whole = 0.0
    for name, rows in _measured(config, run, dataset, model, arguments.seeds):
        keras_model, files, parameters, macs, size, seconds = np.mean(rows, axis=0)
        whole = whole or size
        spread = f" ±{np.std([row[0] for row in rows], ddof=1):.4f}" if len(rows) > 1 else ""
        counts = f"{parameters:10,.0f} {macs:11,.0f} {whole / size:5.2f} {seconds:5.1f}"
        print(f"{name:70} {keras_model:7.4f} {files:7.4f} {counts}{spread}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What passes make of a model.")
    parser.add_argument("config")
    parser.add_argument("chains", nargs="+", help="JSON, as in `recipes`")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--output", default="runs/bench-passes")
    return parser.parse_args()


def _measured(
    config: Any, run: str, dataset_ref: str, model_ref: str, seeds: int
) -> Iterator[tuple[str, list[tuple[float, ...]]]]:
    """Yields each candidate's chain with a row a seed."""
    from trimtab.artifacts import dataset
    from trimtab.artifacts.hyperparameters import Hyperparameters
    from trimtab.artifacts.store import ContentStore
    from trimtab.stages.making.context import Making, trained

    store = ContentStore(run)
    data = dataset.read(store, dataset_ref, ["train", "validation", "test"])
    load = trained(store, model_ref, config.model)
    for candidate in config.candidates().values():
        rows = []
        for seed in range(config.seed, config.seed + (seeds if candidate.branch.steps else 1)):
            with tempfile.TemporaryDirectory() as folder:
                seeded = config.model_copy(update={"seed": seed})
                making = Making(folder, "prune pass", seeded, data, Hyperparameters(), model_ref, load)
                rows.append(_row(candidate, load(), making.context(), data, Path(folder)))
        yield " ".join(_told(step) for step in candidate.steps), rows


def _row(candidate: Any, model: Any, context: Any, data: Any, folder: Path) -> tuple[float, ...]:
    from trimtab.batch import INPUT, OUTPUT
    from trimtab.compress.apply import apply
    from trimtab.compress.ending import write
    from trimtab.models import cost
    from trimtab.runtimes import files
    from trimtab.runtimes.registry import runtime

    began = time.monotonic()
    for step in candidate.branch.steps:
        model = apply(step, model, context)
    seconds, place = time.monotonic() - began, folder / "files"
    write(model, candidate.ending, place, context)
    serving = runtime(candidate.ending.runtime)
    loaded = serving.load(place)
    return (
        _headline(data, lambda x: np.asarray(model.predict_on_batch(x[INPUT]))),
        _headline(data, lambda x: loaded.predict(x)[OUTPUT]),
        cost.parameters(model),
        cost.macs(model),
        files.gzip_bytes(serving, place),
        seconds,
    )


def _headline(data: Any, predict: Any) -> float:
    from trimtab.batch import INPUT
    from trimtab.tasks.registry import task

    judging = task(data.schema.task).judging
    parts = [(judging.answers(x[INPUT], predict(x)), y) for x, y in data.batches("test", 256)]
    answers, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    own = data.schema.with_thresholds(judging.thresholds(answers, labels, data.schema))
    return float(judging.quality(answers, labels, own).metrics[judging.headline.metric])


def _told(step: Any) -> str:
    """Returns a step's name, and the parameters that have not their defaults."""
    given, usual = step.params.model_dump(), type(step.params)().model_dump()
    other = [f"{key}={value}" for key, value in given.items() if value != usual[key]]
    return f"{step.name}({', '.join(other)})" if other else step.name


if __name__ == "__main__":
    main()
