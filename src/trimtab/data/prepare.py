"""From the user's files to a dataset: two passes over the partitions of the sources, fit and transform."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimtab import progress
from trimtab.config.data import Data, Task
from trimtab.data import preprocess, split
from trimtab.data.dataset import SCHEMA_FILE, STATISTICS_FILE
from trimtab.data.duplicates import count_shared
from trimtab.data.executor import Executor, executor
from trimtab.data.fit_pass import FitResult, FitTask, fit_partition
from trimtab.data.infer import infer_schema, label_column
from trimtab.data.readers.base import Partition
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import SPLITS, Column, DatasetSchema
from trimtab.data.serving import encoder_of
from trimtab.data.statistics import Summary
from trimtab.data.text import TextEncoder
from trimtab.data.transform_pass import TransformResult, TransformTask, transform_partition
from trimtab.data.validate import validate
from trimtab.errors import DataError

_QUIET_SECONDS = 2.0
_SMALL_BYTES = 4 << 20


@dataclass(frozen=True)
class PreparedSummary:
    """What was prepared.

    Attributes:
        rows: Rows written, by split.
        fingerprint: The content of the sources, as 64 hexadecimal digits.
        class_counts: Rows written by split and class; empty for regression.
        train: The statistics of the training split.
    """

    schema: DatasetSchema
    rows: dict[str, int]
    fingerprint: str
    warnings: list[str]
    class_counts: dict[str, dict[str, int]]
    train: Summary


def prepare(config: Data, *, seed: int, directory: Path) -> PreparedSummary:
    """Writes shards, ``schema.json`` and ``statistics.json``.

    The result depends on the sources, the config and the seed, not on the number of workers.

    Args:
        config: The config's data section.
        seed: The run's seed, for the order of the training rows.
        directory: An empty directory.

    Raises:
        DataError: If the data cannot be used; nothing is left out silently.
    """
    return _Preparation(config, seed, directory).run()


class _Preparation:
    """One dataset being made."""

    def __init__(self, config: Data, seed: int, directory: Path) -> None:
        self._config, self._seed, self._directory = config, seed, directory
        self._work: list[tuple[str, str, Partition]] = [
            (given, source, partition)
            for given, source in split.sources(config).items()
            for partition in reader_for(source, config).partitions(source, config)
        ]

    def run(self) -> PreparedSummary:
        processes = 1 if self._small() else self._config.workers
        with executor(processes, len(self._work)) as workers:
            label, columns = self._first_guess()
            fitted, shared = self._fit(workers, label, columns)
            task, label, classes, found = infer_schema(fitted.everything, self._config)
            if {column.name for column in found} != {column.name for column in columns}:
                # The first rows were not like the rest; the sides depend on what the input columns are.
                fitted, shared = self._fit(workers, label, found)
            warnings = validate(
                fitted.summaries,
                task=task,
                label=label,
                classes=classes,
                columns=found,
                config=self._config,
                duplicates=shared,
            )
            schema = self._schema(task, label, classes, found, fitted.summaries["train"])
            written = self._transform(workers, schema)
        warnings += self._bad_rows(fitted.rows, written) + self._uneven_shares(written)
        self._write_json(schema, fitted)
        group = [self._config.group_by] if self._config.group_by else []
        return PreparedSummary(
            schema=schema,
            rows={name: written.rows[name] for name in SPLITS},
            fingerprint=fitted.fingerprint.hexdigest([label, *group, *(column.name for column in found)]),
            warnings=warnings,
            class_counts=written.class_counts(classes),
            train=fitted.summaries["train"],
        )

    def _small(self) -> bool:
        """Returns whether reading the sources takes less time than starting processes."""
        size = 0
        for path in {Path(partition.source).expanduser() for _, _, partition in self._work}:
            for file in path.rglob("*") if path.is_dir() else [path]:
                size += file.stat().st_size if file.is_file() else 0
                if size > _SMALL_BYTES:
                    return False
        return True

    def _first_guess(self) -> tuple[str, list[Column]]:
        """Returns the label and the input columns as the first rows have them, where they have any."""
        for given, source, partition in self._work:
            if given != "train":
                break
            for batch in reader_for(source, self._config).read(partition, self._config):
                label = label_column(list(batch.schema.names), self._config)
                if not batch.num_rows:
                    continue
                try:
                    return label, infer_schema(Summary.of(batch, self._config), self._config)[3]
                except DataError as error:
                    if error.field is not None:
                        raise  # what is wrong with a field of the config or with a column holds for all rows
                    return label, []
        raise DataError("there are no rows", path=self._config.train)

    def _fit(self, workers: Executor, label: str, columns: list[Column]) -> tuple[FitResult, int]:
        """Returns what the sources hold, and how many rows of given splits are also in the training split."""
        given = [name for name in ("validation", "test") if name in split.sources(self._config)]
        features = tuple(column.name for column in columns)
        total, rate = FitResult(), _Rate("read", len(self._work))
        with tempfile.TemporaryDirectory(prefix=".hashes-", dir=self._directory) as scratch:
            hashes = Path(scratch) if given else None
            tasks = [FitTask(*item, self._config, features, label, hashes) for item in self._work]
            for result in workers.map(fit_partition, tasks):
                total = total.merge(result)
                rate.add(result.rows)
            train = sorted(Path(scratch).glob("train-*.npy"))
            others = [file for name in given for file in sorted(Path(scratch).glob(f"{name}-*.npy"))]
            return total, count_shared(train, others)

    def _schema(
        self, task: Task, label: str, classes: list[str], columns: list[Column], train: Summary
    ) -> DatasetSchema:
        """Returns the schema with the preprocessing, fitted on the training split alone."""
        preprocessing = preprocess.fit(columns, train, self._config)
        encoder = encoder_of(preprocessing)
        schema = DatasetSchema(
            task=task,
            label=label,
            classes=classes,
            columns=columns,
            input=encoder.spec,
            vocabulary_size=encoder.vocabulary_size if isinstance(encoder, TextEncoder) else None,
            preprocessing=preprocessing,
        )
        if task == "regression":
            labels = train.columns[label]
            schema.label_mean, schema.label_std = labels.mean, float(np.sqrt(labels.variance)) or 1.0
        return schema

    def _transform(self, workers: Executor, schema: DatasetSchema) -> TransformResult:
        for name in SPLITS:
            (self._directory / name).mkdir()
        total, rate = TransformResult(), _Rate("wrote", len(self._work))
        tasks = [
            TransformTask(*item, self._config, schema, self._directory, self._seed) for item in self._work
        ]
        for result in workers.map(transform_partition, tasks):
            total = total.merge(result)
            rate.add(sum(result.rows.values()))
        for name in SPLITS:
            if not total.rows[name]:
                raise DataError(
                    f"no rows are left for the {name} split",
                    path=split.sources(self._config).get(name, self._config.train),
                    hint="Give more rows, more and smaller groups, or other shares in data.split.",
                )
        return total

    def _bad_rows(self, rows: int, written: TransformResult) -> list[str]:
        if not written.bad:
            return []
        message = f"{written.bad:,} of {rows:,} rows cannot be used"
        named = "; ".join(written.reasons)
        if written.bad > self._config.max_bad_fraction * rows:
            raise DataError(
                f"{message}, data.max_bad_fraction allows {self._config.max_bad_fraction:.2%}: {named}",
                path=self._config.train,
                hint="Repair or remove them, or set data.max_bad_fraction.",
            )
        return [f"{message} and were left out: {named}"]

    def _uneven_shares(self, written: TransformResult) -> list[str]:
        """Returns a warning for each split whose share is far from the one asked for, as with few groups."""
        config, rows, shares = self._config, written.rows, {}
        if config.test is None:
            shares["test"] = (config.split.test, sum(rows.values()))
        if config.validation is None:
            shares["validation"] = (config.split.validation, rows["train"] + rows["validation"])
        alike = "rows are few, or many of them are the same"
        why = f"the groups of {config.group_by} are few or uneven" if config.group_by else alike
        return [
            f"the {name} split holds {rows[name] / whole:.0%} of its rows, not {share:.0%}: {why}"
            for name, (share, whole) in shares.items()
            if not share / 1.5 < rows[name] / whole < share * 1.5
        ]

    def _write_json(self, schema: DatasetSchema, fitted: FitResult) -> None:
        (self._directory / SCHEMA_FILE).write_text(schema.model_dump_json(indent=2) + "\n")
        statistics = {name: json.loads(summary.to_json()) for name, summary in fitted.summaries.items()}
        (self._directory / STATISTICS_FILE).write_text(json.dumps(statistics) + "\n")


class _Rate:
    """Says now and then how fast a pass is."""

    def __init__(self, verb: str, partitions: int) -> None:
        self._verb, self._partitions = verb, partitions
        self._rows = self._done = 0
        self._start = self._said = time.monotonic()

    def add(self, rows: int) -> None:
        self._rows, self._done, now = self._rows + rows, self._done + 1, time.monotonic()
        if now - self._said < _QUIET_SECONDS:
            return
        self._said = now
        rate = self._rows / (now - self._start)
        done = f"{self._verb} {self._rows:,} rows, {rate:,.0f} rows/s"
        progress.say("data_prep", f"{done}  (partition {self._done} of {self._partitions})")
