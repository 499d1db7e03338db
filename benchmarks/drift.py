"""How often drift is found that matters, and how often one is reported where nothing has changed.

Tables of mixed columns go through the shipped statistics and the shipped rule
(``data.champion.drift.measure``) with its default limits. One of the columns changes: a mean by 0.3
standard deviations, a class from 5 to 10 %, a category from 2 to 6 %, gaps from 5 to 10 %. One JSON line a
case: `found`, the share of runs in which the column is reported, `false`, the share in which any other one
is, and the standard errors. Fails if at 2,000 rows a change is found in less than 90 % of the runs, or if
false alarms are above 1 % by more than two standard errors.

    python benchmarks/drift.py [--rows 500 2000 10000] [--runs 400] [--columns 20]
"""

from __future__ import annotations

import argparse
import json
import math
import sys

import numpy as np
import pyarrow as pa

from trimtab.config.data import Data
from trimtab.config.retrain import Drift
from trimtab.data.champion.drift import measure
from trimtab.data.champion.reference import Reference
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.data.statistics.summary import Summary

CHANGES = {
    "a mean by 0.3 sd": "amount",
    "a class doubles": "label",
    "a category triples": "kind",
    "gaps double": "gaps",
}
ASKED_ROWS, LEAST_FOUND, MOST_FALSE = 2_000, 0.9, 0.01


def measured(change: str, rows: int, columns: int, rng: np.random.Generator) -> set[str]:
    """Returns the columns that are reported to have drifted.

    Args:
        change: One of ``CHANGES``, or nothing.
        rows: Of either side.
        columns: How many there are, the label among them.
        rng: Random numbers.
    """
    sides = [_table(word, rows, columns, rng) for word in ("", change)]
    summaries = [Summary.of(side, Data(train="rows.csv")) for side in sides]
    schema = _schema(sides[0])
    report = measure(Reference(schema, summaries[0]), schema, summaries[1], Drift())
    assert report is not None
    return {feature.name for feature in report.drifted}


def _table(change: str, rows: int, columns: int, rng: np.random.Generator) -> pa.RecordBatch:
    often = 0.10 if change == "a class doubles" else 0.05
    third = 0.06 if change == "a category triples" else 0.02
    gaps = rng.random(rows) < (0.10 if change == "gaps double" else 0.05)
    table = {
        "label": np.where(rng.random(rows) < often, "yes", "no"),
        "amount": rng.normal(0.3 if change == "a mean by 0.3 sd" else 0.0, 1.0, rows),
        "kind": rng.choice([f"k{i}" for i in range(20)], rows, p=[third, *[(1 - third) / 19] * 19]),
        "gaps": pa.array(rng.normal(size=rows), mask=gaps),
    }
    for place in range(columns - len(table)):
        table[f"other_{place}"] = [
            lambda: rng.normal(size=rows),
            lambda: rng.lognormal(size=rows),
            lambda: rng.poisson(1, rows),
            lambda: rng.choice(["a", "b", "c"], rows, p=[0.7, 0.25, 0.05]),
            lambda: rng.choice([f"v{i}" for i in range(200)], rows, p=_SKEWED),
        ][place % 5]()
    return pa.record_batch(table)


_SKEWED = 1 / np.arange(1, 201) / (1 / np.arange(1, 201)).sum()


def _schema(table: pa.RecordBatch) -> DatasetSchema:
    kinds = {
        name: "categorical" if pa.types.is_string(table.schema.field(name).type) else "numeric"
        for name in table.schema.names
    }
    return DatasetSchema(
        task="classification",
        label="label",
        classes=["no", "yes"],
        columns=[Column(name=name, kind=kind) for name, kind in kinds.items() if name != "label"],
        input=TensorSpec(kind="tabular", shape=(len(kinds) - 1,), stored_dtype="float32"),
        preprocessing={},
    )


def simulated(change: str, rows: int, columns: int, runs: int, seed: int) -> dict[str, float]:
    """Returns the shares of runs in which the change, and anything else, is reported, with their errors."""
    rng = np.random.default_rng([seed, rows, len(change)])
    reported = [measured(change, rows, columns, rng) for _ in range(runs)]
    found = sum(CHANGES.get(change, "") in names for names in reported) / runs
    false = sum(bool(names - {CHANGES.get(change, "")}) for names in reported) / runs
    errors = (math.sqrt(share * (1 - share) / runs) for share in (found, false))
    return dict(zip(("found", "false", "found_se", "false_se"), (found, false, *errors), strict=True))


def main() -> None:
    """Prints a line a case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 2000, 10_000])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked, failed = parser.parse_args(), False
    for rows in asked.rows:
        for change in ("", *CHANGES):
            case = simulated(change, rows, asked.columns, asked.runs, asked.seed)
            print(json.dumps({"change": change or "nothing", "rows": rows, "columns": asked.columns, **case}))
            failed |= case["false"] - 2 * case["false_se"] > MOST_FALSE
            failed |= bool(change) and rows == ASKED_ROWS and case["found"] < LEAST_FOUND
    sys.exit(failed)


if __name__ == "__main__":
    main()
