"""What the pipeline costs: wall time of `trimtab run` over one process that calls the same stages in a row.

    python benchmarks/overhead.py examples/digits.yaml [--set FIELD=VALUE] [--limit 1.5] [--repeats 1]
        [--output DIR]

The two are run alternately, each in a fresh process and with a fresh output directory. The ratio counts all
that the pipeline adds (a process per task with its imports, KFP itself) and what it
saves by running two iterations of a loop at a time.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def plain(config_file: str, overrides: list[str], output: str) -> None:
    """Calls every stage in this process, in the order of the DAG."""
    from trimtab.config.loader import load
    from trimtab.stages import (
        data_prep,
        deploy,
        evaluate,
        prune,
        quantize,
        report,
        select,
        shortlist,
        train,
        tune,
    )

    config = load(Path(config_file), overrides)
    target = config.deploy.model_copy(update={"target": f"{output}/deployed"})
    common = {
        "config": config.model_copy(update={"deploy": target}).model_dump_json(),
        "run": f"{output}/run",
    }

    def at(*names: str) -> str:
        path = Path(output, "artifacts", *names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    inputs = {"dataset": at("dataset"), "hyperparameters": at("hyperparameters")}
    data_prep.run(**common, dataset=at("dataset"))
    tune.run(**common, **inputs)
    train.run(**common, **inputs, model=at("model"))
    for recipe in config.branches():
        prune.run(**common, **inputs, recipe=recipe, model=at("model"), pruned=at("pruned", recipe))
    pruned = [at("pruned", recipe) for recipe in config.branches()]
    candidates = shortlist.run(**common, pruned=pruned, shortlist=at("shortlist"))
    for one in candidates:
        made = at("quantized", one)
        quantize.run(**common, **inputs, candidate=one, shortlist=at("shortlist"), quantized=made)
        evaluate.run(
            **common, candidate=one, dataset=at("dataset"), quantized=made, evaluation=at("evaluation", one)
        )
    within = select.run(
        **common,
        dataset=at("dataset"),
        quantized=[at("quantized", one) for one in candidates],
        evaluations=[at("evaluation", one) for one in candidates],
        selection=at("selection"),
    )
    if within:
        deploy.run(
            **common,
            dataset=at("dataset"),
            model=at("model"),
            shortlist=at("shortlist"),
            selection=at("selection"),
        )
    report.run(**common, html=at("report.html"), pipeline="optimize")


def seconds(command: list[str]) -> float:
    """Returns the wall time of a command, in seconds."""
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    # 3 says that no candidate met the budget: the same work was done.
    if done.returncode not in (0, 3):
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return time.monotonic() - start


def main() -> int:
    """Measures, prints a JSON object, and returns 1 when the ratio is over the limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--limit", type=float, default=1.5, help="largest ratio")
    parser.add_argument("--repeats", type=int, default=1, help="times each is run")
    parser.add_argument("--output", type=Path, help="where the last pipeline leaves its run, to look at")
    parser.add_argument("--plain", metavar="DIR", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        plain(arguments.config, arguments.overrides, arguments.plain)
        return 0
    overrides = [f"--set={override}" for override in arguments.overrides]
    times: dict[str, list[float]] = {"plain_s": [], "pipeline_s": []}
    for _ in range(arguments.repeats):
        with tempfile.TemporaryDirectory() as directory:
            script = [sys.executable, __file__, arguments.config, *overrides, "--plain", directory]
            times["plain_s"].append(seconds(script))
        with tempfile.TemporaryDirectory() as directory:
            pipeline = [sys.executable, "-m", "trimtab", "run", arguments.config, *overrides]
            times["pipeline_s"].append(seconds([*pipeline, "--output", directory]))
            if arguments.output:
                shutil.copytree(directory, arguments.output, dirs_exist_ok=True)
    ratio = statistics.median(times["pipeline_s"]) / statistics.median(times["plain_s"])
    print(json.dumps({**times, "ratio": round(ratio, 3), "limit": arguments.limit}))
    return int(ratio > arguments.limit)


if __name__ == "__main__":
    sys.exit(main())
