"""Rows per second and peak memory of data preparation, at growing numbers of generated CSV rows.

Ten mixed columns: numbers with and without gaps, categories of few and of many values, a boolean, a label.
Each size runs in a process of its own; memory is the largest sum of the resident sets of that process and its
workers, sampled while it runs (pages that they share count once). Small sources are prepared in one process
whatever the number of workers, so that memory is compared among runs of as many processes: it fails if one of
100,000 rows or more needs a fifth more than the smallest such run. With ``--wide``, Parquet files of so many
rows and columns follow: fractions, a fifth of the columns with gaps, another one of counts. Their goals are
10,000 x 10,000 in 60 s and 2 GB, 1,000 x 100,000 in 120 s. No workers, 0, are as many as are taken unasked.

    python benchmarks/data_prep.py [--rows 10000 100000 300000 1000000] [--wide 10000x10000 1000x100000]
        [--csv] [--workers 1 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

FLAT_FROM, FLAT_RATIO = 100_000, 1.2
WIDE_FROM = 1_000
_GAPS = 0.03
SAMPLE_SECONDS, SEEN_SHARE = 0.02, 20
BUSY_BYTES = 70_000_000  # more than the interpreter with nothing but the library
CHILD = """
import sys
from pathlib import Path
from trimtab.config.data import Data
from trimtab.data.prepare.prepare import prepare
prepare(Data(train=sys.argv[1], workers=int(sys.argv[3]) or None), seed=0, directory=Path(sys.argv[2]))
"""


def write_rows(path: Path, rows: int) -> None:
    """Writes rows whose label depends on some of the columns."""
    rng = np.random.default_rng(0)
    with pa.csv.CSVWriter(path, _batch(rng, 1).schema) as writer:
        for start in range(0, rows, 50_000):
            writer.write_batch(_batch(rng, min(50_000, rows - start)))


def _batch(rng: np.random.Generator, rows: int) -> pa.RecordBatch:
    amount, age = rng.lognormal(3, 1, rows).round(2), rng.integers(18, 90, rows)
    score = rng.normal(size=rows).round(4)
    return pa.record_batch(
        {
            "amount": amount,
            "age": age,
            "balance": pa.array(rng.normal(1000, 300, rows).round(2), mask=rng.random(rows) < 0.05),
            "score": score,
            "visits": rng.poisson(4, rows),
            "ratio": rng.random(rows).round(6),
            "country": rng.choice([f"c{i:02d}" for i in range(40)], rows),
            "plan": pa.array(rng.choice(["free", "basic", "pro"], rows), mask=rng.random(rows) < 0.02),
            "device": rng.choice([f"device {i}" for i in range(300)], rows),
            "active": rng.choice(["true", "false"], rows),
            "label": np.where(score + age / 50 + rng.normal(size=rows) > 1, "yes", "no"),
        }
    )


def write_wide(path: Path, rows: int, columns: int) -> None:
    """Writes a Parquet or CSV file of very many columns of numbers, whose label depends on the first."""
    rng = np.random.default_rng(0)
    data: dict[str, pa.Array] = {}
    for at in range(columns):
        cells = rng.poisson(4, rows) if at % 5 == 4 else rng.normal(size=rows).round(4)
        data[f"c{at}"] = pa.array(cells, mask=rng.random(rows) < _GAPS if at % 5 == 1 else None)
    data["label"] = pa.array(np.where(np.asarray(data["c0"]) + rng.normal(size=rows) > 0, "yes", "no"))
    if path.suffix == ".csv":
        pa.csv.write_csv(pa.table(data), path)
    else:
        pq.write_table(pa.table(data), path)


@dataclass(frozen=True)
class Run:
    """One size, prepared once; ``processes`` counts those that held data."""

    workers: int
    processes: int
    rows: int
    columns: int
    seconds: float
    cpu_seconds: float
    rows_per_second: int
    rows_per_cpu_second: int
    peak_mb: int


def measure(rows: int, workers: int, wide: int = 0, ending: str = ".parquet") -> Run:
    """Returns wall time and peak memory of preparing that many rows.

    Args:
        rows: How many.
        workers: Processes.
        wide: The columns of a wide table; 0: it is not wide.
        ending: Of a wide table's file.
    """
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory) / "rows.csv", Path(directory) / "dataset"
        if wide:
            source = source.with_suffix(ending)
            write_wide(source, rows, wide)
        else:
            write_rows(source, rows)
        target.mkdir()
        start = time.monotonic()
        used = _cpu_seconds()
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(source), str(target), str(workers)])
        peak = processes = 0
        while child.poll() is None:
            looked = time.monotonic()
            sizes = [_resident_bytes(process) for process in _family(child.pid)]
            peak, processes = max(peak, sum(sizes)), max(processes, sum(size > BUSY_BYTES for size in sizes))
            # A look stops the process, the longer the more memory it has: a twentieth of the time goes to it.
            time.sleep(max(SAMPLE_SECONDS, SEEN_SHARE * (time.monotonic() - looked)))
        if child.returncode:
            raise SystemExit(f"the preparation of {rows} rows failed with code {child.returncode}")
        seconds, cpu = time.monotonic() - start, _cpu_seconds() - used
    per_second, per_cpu_second = round(rows / seconds), round(rows / cpu)
    columns = wide or _batch(np.random.default_rng(0), 1).num_columns - 1
    spent = (round(seconds, 2), round(cpu, 2), per_second, per_cpu_second)
    return Run(workers, processes, rows, columns, *spent, round(peak / 1e6))


def _cpu_seconds() -> float:
    """Returns the time that finished children and their children computed, on all cores."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _family(pid: int) -> list[int]:
    """Returns a process and everything that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _resident_bytes(pid: int) -> int:
    """Returns the memory of a process, pages that it shares with others counted in part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def growth(runs: list[Run]) -> float:
    """Returns the largest ratio of peaks among large runs of as many processes."""
    ratios = [1.0]
    for processes in {run.processes for run in runs}:
        compared = [run for run in runs if run.rows >= FLAT_FROM and run.columns < WIDE_FROM]
        peaks = [run.peak_mb for run in compared if run.processes == processes]
        ratios += [max(peaks) / min(peaks)] if peaks else []
    return max(ratios)


def _size(text: str) -> tuple[int, int]:
    rows, columns = text.split("x")
    return int(rows), int(columns)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 300_000, 1_000_000])
    parser.add_argument("--wide", nargs="+", default=[], metavar="ROWSxCOLUMNS")
    parser.add_argument("--csv", action="store_true", help="write the wide tables as CSV, not as Parquet")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path, help="where to write the results")
    arguments = parser.parse_args()
    names = ("workers", "processes", "rows", "columns", "seconds", "cpu s", "rows/s", "rows/cpu s", "peak MB")
    print("".join(f"{name:>12}" for name in names))
    runs = []
    for workers in arguments.workers:
        sizes = [(rows, 0) for rows in arguments.rows] + [_size(text) for text in arguments.wide]
        for rows, columns in sizes:
            ending = ".csv" if arguments.csv else ".parquet"
            runs.append(measure(rows, workers, columns, ending))
            print("".join(f"{value:>12,}" for value in astuple(runs[-1])), flush=True)
    ratio = growth(runs)
    outcome = {"runs": [asdict(run) for run in runs], "growth": ratio, "flat": ratio <= FLAT_RATIO}
    print(json.dumps(outcome))
    if arguments.json:
        arguments.json.write_text(json.dumps(outcome, indent=2) + "\n")
    return 0 if outcome["flat"] else 1


if __name__ == "__main__":
    sys.exit(main())
