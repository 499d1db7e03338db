"""What the pipeline costs: wall time of `trimtab run` over one process that calls the same stages in a row.

    python benchmarks/overhead.py examples/digits.yaml [--set FIELD=VALUE] [--limit 1.5] [--repeats 1]
        [--output DIR]

The two are run alternately, each in a fresh process and with a fresh output directory. The ratio counts all
that the pipeline adds (a process per task with its imports, KFP itself) and what it
saves by running shards at once.
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
        compare,
        data_prep,
        deploy,
        evaluate,
        prune,
        quantize,
        report,
        select,
        train,
        tune,
    )

    config, run_uri = load(Path(config_file), overrides).model_dump_json(), f"{output}/run"
    dataset = data_prep.run(run_uri=run_uri, config=config)
    model = train.run(
        run_uri=run_uri, dataset=dataset, hyperparameters=tune.run(run_uri=run_uri, dataset=dataset)
    )
    shard = {"run_uri": run_uri, "shard": "1/1", "dataset": dataset}
    pruned = prune.run(**shard, model=model)
    evaluations = [evaluate.run(**shard, quantized=quantize.run(**shard, pruned=pruned))]
    select.run(run_uri=run_uri, dataset=dataset, model=model, evaluations=evaluations)
    if compare.run(run_uri=run_uri, dataset=dataset):
        deploy.run(run_uri=run_uri, dataset=dataset, model=model)
    report.run(run_uri=run_uri, html=f"{output}/report.html", pipeline="optimize")


def seconds(command: list[str]) -> float:
    """Returns the wall time of a command, in seconds."""
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    # 3 says that no candidate met the budget, 5 that only the baseline did: the same work was done.
    if done.returncode not in (0, 3, 5):
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
